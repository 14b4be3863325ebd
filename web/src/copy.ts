// @ts-nocheck
// Copying text, with feedback that can be seen and heard.

/** Copies text and shows it on the button for a moment. */
export async function copyText(text, button) {
  const done = (await viaClipboard(text)) || viaSelection(text);
  const icon = button.querySelector('use');
  const words = button.querySelector('span');
  const name = button.getAttribute('aria-label');
  if (button.dataset.busy) return;
  button.dataset.busy = 'true';
  const before = words?.textContent;
  button.classList.toggle('is-done', done);
  icon.setAttribute('href', done ? '#i-check' : '#i-warn');
  const answer = done ? 'Copied' : 'Press Ctrl+C to copy';
  if (words) words.textContent = answer;
  else button.setAttribute('aria-label', answer);
  setTimeout(() => {
    button.classList.remove('is-done');
    icon.setAttribute('href', '#i-copy');
    if (words) words.textContent = before;
    else if (name) button.setAttribute('aria-label', name);
    delete button.dataset.busy;
  }, 1600);
}

async function viaClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not a secure context: a page on another machine over plain http
  }
}

function viaSelection(text) {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}
