// The hosted page in motion: counts down, pays without leaving the page, follows what the bank does, and goes back by
// itself. Everything it does the page can also do without it, by forms and links.

const placeName = Intl.DateTimeFormat().resolvedOptions().timeZone.split('/').at(-1).replaceAll('_', ' ');
const inSeconds = new Intl.NumberFormat(document.documentElement.lang, {
  style: 'unit',
  unit: 'second',
  unitDisplay: 'long',
});
const beginMs = performance.now();
/** When what is shown was drawn, since the page was loaded: its figures count from then. */
let offsetMs = 0;
let polling = false;

function two(n) {
  return String(n).padStart(2, '0');
}

/** Times are shown where the shopper is; the first says where that is. */
function placeTimes(root) {
  for (const [i, time] of root.querySelectorAll('time').entries()) {
    const at = new Date(time.dateTime);
    const text = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    time.textContent = i === 0 ? `${text} ${placeName}` : text;
  }
}

/** The beat of one second: the hold runs down and the seconds of waiting run up. */
function beat() {
  const goneMs = performance.now() - beginMs - offsetMs;
  const hold = document.querySelector('.hold');
  if (hold !== null) {
    const leftMs = Math.max(0, Number(hold.dataset.left) - goneMs);
    const seconds = Math.ceil(leftMs / 1000);
    const text =
      seconds >= 3600
        ? `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
        : `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
    const timer = hold.querySelector('.num');
    if (timer.textContent !== text) timer.textContent = text;
    hold.querySelector('.four').style.setProperty('--v', String((4 * leftMs) / Number(hold.dataset.whole)));
    hold.classList.toggle('over', leftMs === 0);
  }
  const since = document.querySelector('[data-since]');
  if (since !== null) since.textContent = inSeconds.format(Math.floor((Number(since.dataset.since) + goneMs) / 1000));
}

/** Draws the page as it is now, in place. */
async function redraw() {
  const response = await fetch(location.href, { headers: { accept: 'text/html' } });
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  document.title = fresh.title;
  document.querySelector('main').replaceWith(fresh.querySelector('main'));
  offsetMs = performance.now() - beginMs;
  arrange();
  document.querySelector('h1')?.focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

function status() {
  return document.querySelector('[data-status]')?.dataset.status;
}

/** Asks once a second how it stands while the bank thinks, and more rarely while nobody has pressed anything. */
async function poll() {
  if (polling) return;
  polling = true;
  try {
    const response = await fetch(`${location.pathname}/state`);
    if (response.ok && (await response.json()).status !== status()) await redraw();
  } catch {
    // The next second asks again; what is shown stays true meanwhile.
  } finally {
    polling = false;
  }
}

/** The page says no more often than this that it got no answer. */
function noAnswer(form) {
  const { noAnswer: text } = JSON.parse(document.querySelector('[data-words]').dataset.words);
  let line = form.querySelector('.refused');
  if (line === null) {
    line = document.createElement('section');
    line.className = 'refused';
    line.setAttribute('role', 'alert');
    line.append(document.createElement('p'));
    form.prepend(line);
  }
  line.querySelector('p').textContent = text;
}

async function pay(event) {
  event.preventDefault();
  const form = event.target;
  const button = document.querySelector('button[form="pay"]');
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  button.classList.add('busy');
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams(new FormData(form)),
    });
    if (!response.ok) throw new Error(String(response.status));
    await redraw();
  } catch {
    button.removeAttribute('aria-disabled');
    button.classList.remove('busy');
    noAnswer(form);
  }
}

function arrange() {
  placeTimes(document);
  beat();
  document.querySelector('form#pay')?.addEventListener('submit', (event) => void pay(event));
  // Long enough to read one word, short enough that nobody wonders.
  const go = document.querySelector('a[data-go]');
  if (go !== null) setTimeout(() => location.assign(go.href), 1400);
}

arrange();
let beats = 0;
setInterval(() => {
  beat();
  beats++;
  const now = status();
  if (now === 'processing' || (now === 'open' && beats % 5 === 0)) void poll();
}, 1000);
