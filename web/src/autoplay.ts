// Which card of the feed plays by itself: one at a time, without sound. It is the one that is pointed at
// or has the focus, or else the first that is wholly in view.

import type { Card } from './card.ts';

const IN_VIEW = 0.75; // of the picture

export class Autoplay {
  #cards = new Map<Element, Card>();
  #visible = new Set<Element>();
  #pointed: Card | null = null;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #observer = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      if (intersectionRatio >= IN_VIEW) this.#visible.add(target);
      else this.#visible.delete(target);
    }
    this.choose();
  }, { threshold: IN_VIEW });

  constructor() {
    document.addEventListener('visibilitychange', () => this.choose());
    this.#calm.addEventListener('change', () => this.choose());
  }

  /** Takes a card into account. */
  add(card: Card): void {
    const { element } = card;
    this.#cards.set(element, card);
    this.#observer.observe(element);
    const enter = (): void => { this.#pointed = card; this.choose(); };
    const leave = (): void => { if (this.#pointed === card) { this.#pointed = null; this.choose(); } };
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('focusin', enter);
    element.addEventListener('focusout', leave);
  }

  /** Lets one card play, and no other. */
  choose(): void {
    const chosen = document.hidden ? null : this.#isPlayable(this.#pointed) ?? this.#first();
    for (const card of this.#cards.values()) if (card !== chosen) card.preview(false);
    chosen?.preview(true);
  }

  #first(): Card | null {
    const { saveData = false } = (navigator as { connection?: { saveData?: boolean } }).connection ?? {};
    if (this.#calm.matches || saveData) return null;
    for (const [element, card] of this.#cards) {
      if (this.#visible.has(element) && this.#isPlayable(card)) return card;
    }
    return null;
  }

  #isPlayable(card: Card | null): Card | null {
    return card && (card.broadcast.state === 'live' || card.broadcast.state === 'reconnecting') ? card : null;
  }
}
