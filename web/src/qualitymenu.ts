// @ts-nocheck
// The menu of qualities: a native select, which works with keyboards, screen readers and phones.

export class QualityMenu {
  #box;
  #select;
  #text;
  #quality;
  #drawn = '';

  constructor(root, quality) {
    this.#box = root.querySelector('[data-quality]');
    this.#select = this.#box.querySelector('select');
    this.#text = this.#box.querySelector('[data-quality-text]');
    this.#quality = quality;
    this.#select.addEventListener('change', () => {
      quality.choose(this.#select.value);
      // After a choice with the pointer, keys control the player again.
      if (!this.#select.matches(':focus-visible')) this.#select.blur();
    });
    quality.addEventListener('change', () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { list, chosen, playing } = this.#quality;
    this.#box.hidden = list.length < 2;
    const current = list.find(({ name }) => name === playing);
    // A chosen quality that is missing is played again when it is available.
    const away = chosen !== '' && !list.some(({ name }) => name === chosen);
    const auto = chosen === '' || away;
    const options = [{ name: away ? chosen : '', label: auto && current ? `Auto · ${current.short}` : 'Auto' }, ...list];
    const drawn = JSON.stringify([options, chosen]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    // Options are kept: replacing them would close the open menu.
    while (this.#select.options.length > options.length) this.#select.remove(this.#select.options.length - 1);
    options.forEach(({ name, label }, i) => {
      const option = this.#select.options[i] ?? this.#select.appendChild(document.createElement('option'));
      if (option.value !== name) option.value = name;
      if (option.textContent !== label) option.textContent = label;
    });
    this.#select.value = chosen;
    this.#text.textContent = this.#select.selectedOptions[0]?.textContent ?? '';
  }
}
