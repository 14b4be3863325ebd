// A small chart: the last values of one measurement as a line.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 120;
const HEIGHT = 40;

/** The points of a line through values, from the left to the right edge: from 0, or a little below the least, to the most. */
export function points(values: number[], length: number): [number, number][] {
  const most = Math.max(...values, 1e-9);
  const first = length - values.length;
  return values.map((v, i) => [(first + i) / Math.max(1, length - 1) * WIDTH, HEIGHT - Math.max(0, v) / most * (HEIGHT - 2)]);
}

export class Chart {
  readonly element = document.createElement('figure');
  #value = document.createElement('div');
  #line = document.createElementNS(SVG, 'polyline');
  #area = document.createElementNS(SVG, 'polygon');
  #values: number[] = [];
  #length: number;
  #format: (value: number) => string;

  constructor(name: string, format: (value: number) => string, length = 60) {
    this.#length = length;
    this.#format = format;
    this.element.className = 'chart';
    const title = Object.assign(document.createElement('figcaption'), { className: 'chart-name', textContent: name });
    this.#value.className = 'chart-value';
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    this.#line.setAttribute('class', 'line');
    this.#area.setAttribute('class', 'area');
    svg.append(this.#area, this.#line);
    this.element.append(title, this.#value, svg);
  }

  add(value: number): void {
    this.#values = [...this.#values, value].slice(-this.#length);
    this.#value.textContent = this.#format(value);
    const all = points(this.#values, this.#length);
    const text = all.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
    this.#line.setAttribute('points', text);
    this.#area.setAttribute('points', `${all[0]?.[0].toFixed(1)},${HEIGHT} ${text} ${WIDTH},${HEIGHT}`);
  }

  clear(): void {
    this.#values = [];
  }
}
