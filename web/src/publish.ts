// @ts-nocheck
// The "Go live" panel: tabs, the broadcast's name, copy buttons.

import { watchURL } from './address.ts';
import { copyText } from './copy.ts';

/** Whether a text can name a broadcast or a channel, by the server's own rule. */
export const isName = (text) => /^(?!\.)[A-Za-z0-9._-]{1,64}$/.test(text);

export function setUpPublish(root) {
  for (const button of root.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', () => copyText(root.querySelector(button.dataset.copy).textContent.trim(), button));
  }
  setUpTabs(root.querySelector('[data-tabs]'));
  const input = root.querySelector('[data-name]');
  if (input) setUpName(root, input);
}

function setUpName(root, input) {
  const problem = root.querySelector('[data-name-problem]');
  const link = root.querySelector('[data-watch-link]');
  const keys = root.querySelectorAll('[data-obs-key], [data-key]');
  input.addEventListener('input', () => {
    const name = input.value.trim();
    const good = isName(name);
    problem.hidden = good;
    input.setAttribute('aria-invalid', String(!good));
    if (!good) return;
    for (const key of keys) key.textContent = name;
    link.href = watchURL(name);
  });
}

// The tabs pattern of the ARIA authoring practices: arrow keys move and select.
function setUpTabs(list) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const select = (tab) => {
    for (const t of tabs) {
      const on = t === tab;
      t.setAttribute('aria-selected', String(on));
      t.tabIndex = on ? 0 : -1;
      document.getElementById(t.getAttribute('aria-controls')).hidden = !on;
    }
  };
  for (const tab of tabs) tab.addEventListener('click', () => select(tab));
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    select(next);
    next.focus();
  });
}
