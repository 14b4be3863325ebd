// @ts-nocheck
// Reads storyboards: WebVTT whose cues name pictures, each a rectangle of a JPEG:
//
//   00:00:10.000 --> 00:00:20.000
//   sheet-0.jpg#xywh=160,0,160,90

const TIMES = /^(?:(\d+):)?(\d\d):(\d\d)\.(\d\d\d)[ \t]+-->[ \t]+(?:(\d+):)?(\d\d):(\d\d)\.(\d\d\d)/;
const PLACE = /^(.+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;

const seconds = (h, m, s, ms) => Number(h ?? 0) * 3600 + Number(m) * 60 + Number(s) + Number(ms) / 1000;

/** Returns the pictures in order: {start, end, url, x, y, width, height}. Cues without one are left out. */
export function parse(text, base) {
  const pictures = [];
  for (const block of text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n').split(/\n{2,}/)) {
    const lines = block.split('\n');
    const at = lines.findIndex((line) => TIMES.test(line));
    const place = PLACE.exec(lines[at + 1]?.trim() ?? '');
    if (at < 0 || !place) continue;
    const times = TIMES.exec(lines[at]);
    const [x, y, width, height] = place.slice(2).map(Number);
    if (width === 0 || height === 0) continue;
    pictures.push({ start: seconds(...times.slice(1, 5)), end: seconds(...times.slice(5, 9)), url: new URL(place[1], base).href, x, y, width, height });
  }
  return pictures.sort((a, b) => a.start - b.start);
}

/** Returns the picture for a time; undefined when there is none. */
export function pictureAt(pictures, time) {
  let [low, high] = [0, pictures.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pictures[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  const picture = pictures[low - 1];
  return picture && time < picture.end ? picture : undefined;
}
