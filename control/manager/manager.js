import { make, ScenarioCard } from './scenarioCard.js';
import { chooseLanguage, clockTime, duration, language, say, wholeDuration, word } from './words.js';

const eventsMax = 300;
/** `alive` comes each second. */
const silentMsMax = 5_000;
const messageMs = 8_000;
const loud = new Set(['critical', 'error', 'warning', 'significant']);

const byId = (id) => document.getElementById(id);
const cards = new Map();
const page = { views: [], engines: [], events: [], heardAtMs: Date.now(), lost: false, asked: undefined };

/** Without word from control nothing on the page is the present any more. */
function asUnknown(view) {
  const ageMs = Date.now() - page.heardAtMs + (view.ageMs ?? 0);
  const reason = { [language]: word('controlLostReason') };
  const refused = { accepted: false, [language]: word('controlLostReason') };
  return {
    ...view,
    known: false,
    label: { [language]: word('unknown') },
    reason,
    ...(view.known || view.ageMs !== undefined ? { ageMs } : {}),
    lastKnown: view.known ? view.status : view.lastKnown,
    commands: Object.fromEntries(Object.keys(view.commands).map((command) => [command, refused])),
  };
}

function renderScenarios() {
  const views = page.lost ? page.views.map(asUnknown) : page.views;
  const seen = new Set(views.map(({ scenarioId }) => scenarioId));
  for (const [id, card] of cards) {
    if (seen.has(id)) continue;
    card.element.remove();
    cards.delete(id);
  }
  for (const view of views) {
    let card = cards.get(view.scenarioId);
    if (card === undefined) {
      card = new ScenarioCard({ act, explain: (reason) => tell(reason, 'warn') });
      cards.set(view.scenarioId, card);
      byId('scenarios').append(card.element);
    }
    card.update(view);
  }
  byId('noScenarios').hidden = views.length > 0 || page.lost;
  updateSwitchoverLag();
}

function renderEngines() {
  byId('engines').replaceChildren(
    ...page.engines.map(({ which, address, state, reason }) => {
      const shown = page.lost ? 'unknown' : state;
      const item = make('li', 'engine', `${word(which)} · ${word(shown)}`);
      item.dataset.state = shown;
      item.title = `${address.host}:${address.port}${reason === undefined || shown === 'connected' ? '' : `\n${reason}`}`;
      return item;
    }),
  );
}

function eventRow(event) {
  const row = make('tr', event.code === 'state' ? 'quiet' : '');
  row.dataset.severity = event.severity;
  const badge = make('span', 'badge', word(event.severity));
  const severity = make('td');
  severity.append(badge);
  const name = page.views.find(({ scenarioId }) => scenarioId === event.scenarioId)?.name ?? event.scenarioId ?? '';
  row.append(make('td', 'figures', clockTime(event.atMs, true)), severity, make('td', 'figures', event.number));
  row.append(make('td', '', name), make('td', 'sentence', say(event)));
  row.hidden = byId('significantOnly').checked && !loud.has(event.severity);
  return row;
}

function renderEvents() {
  byId('events').replaceChildren(...page.events.map(eventRow));
  if (page.events.length > 0) return;
  const row = make('tr', 'quiet');
  const cell = make('td', '', word('noEvents'));
  cell.colSpan = 5;
  row.append(cell);
  byId('events').append(row);
}

/** Newest first; the same event may come twice when a connection is made again. */
function takeEvent(event) {
  if (page.events.some(({ seq }) => seq === event.seq)) return;
  page.events.unshift(event);
  page.events.sort((a, b) => b.seq - a.seq);
  page.events.length = Math.min(page.events.length, eventsMax);
  renderEvents();
}

function renderLost() {
  const banner = byId('lost');
  banner.hidden = !page.lost;
  if (page.lost) banner.textContent = word('controlLost', { time: wholeDuration(Date.now() - page.heardAtMs) });
}

function renderAll() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll('[data-word-label]')) {
    element.setAttribute('aria-label', word(element.dataset.wordLabel));
  }
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language));
  }
  renderEngines();
  renderScenarios();
  renderEvents();
  renderLost();
}

let hideMessage;
function tell(text, tone) {
  const message = byId('message');
  message.textContent = text;
  message.dataset.tone = tone;
  message.hidden = false;
  clearTimeout(hideMessage);
  hideMessage = setTimeout(() => (message.hidden = true), messageMs);
}

function act(command, view) {
  if (command === 'switchover') askSwitchover(view);
  else if (command in dialogs) ask(command, view);
  else void give(view, command, {});
}

/** What a command is told besides its name, read off its dialog. */
const dialogs = {
  switchover: () => ({
    waitForJournals: !byId('noWait').checked,
    reverseAfterwards: byId('reverseAfterwards').checked,
  }),
  assertMasterOff: () => ({ masterName: byId('masterName').value }),
  announceMaintenance: () => ({ forMs: Number(byId('maintenanceMinutes').value) * 60_000 }),
};

/** Routes are the commands' names with hyphens, but for one. */
const routeOf = (command) =>
  command === 'announceMaintenance' ? 'maintenance' : command.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function ask(command, view) {
  page.asked = view.scenarioId;
  byId(`${command}Name`).textContent = `${view.name} (${view.scenarioId})`;
  byId('masterName').value = '';
  byId(command).returnValue = 'cancel';
  byId(command).showModal();
}

async function give(view, command, body) {
  try {
    const response = await fetch(`/api/scenarios/${view.scenarioId}/${routeOf(command)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify(body),
    });
    if (response.ok) return tell(word('given', { what: `${view.name} — ${word(command)}` }), 'good');
    const problem = await response.json();
    tell(language === 'ja' ? problem.detailJa : problem.detail, 'bad');
  } catch {
    tell(word('controlLostReason'), 'bad');
  }
}

function askSwitchover(view) {
  byId('noWait').checked = false;
  byId('reverseAfterwards').checked = false;
  byId('noWaitWarning').hidden = true;
  ask('switchover', view);
  updateSwitchoverLag();
}

function updateSwitchoverLag() {
  const view = page.views.find(({ scenarioId }) => scenarioId === page.asked);
  const lagMs = !page.lost && view?.known ? view.status.replicationLagMs : undefined;
  byId('switchoverLag').textContent = lagMs === undefined ? word('unknown') : duration(lagMs);
}

byId('noWait').addEventListener('change', () => (byId('noWaitWarning').hidden = !byId('noWait').checked));
for (const [command, read] of Object.entries(dialogs)) {
  const dialog = byId(command);
  dialog.addEventListener('close', () => {
    // The event of an earlier closing may come after the dialog was opened again.
    if (dialog.open) return;
    const view = page.views.find(({ scenarioId }) => scenarioId === page.asked);
    page.asked = undefined;
    if (dialog.returnValue === command && view !== undefined) void give(view, command, read());
  });
}
byId('significantOnly').addEventListener('change', renderEvents);
for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => {
    chooseLanguage(button.dataset.language);
    renderAll();
  });
}

function hear() {
  page.heardAtMs = Date.now();
  if (!page.lost) return;
  page.lost = false;
  renderAll();
}

function lose() {
  if (page.lost) return;
  page.lost = true;
  renderAll();
}

/** A browser gives up on some failures for good; the page never does. */
function listen() {
  const live = new EventSource('/api/live');
  const on = (name, take) =>
    live.addEventListener(name, (message) => {
      hear();
      take(JSON.parse(message.data));
    });
  on('alive', () => {});
  on('scenarios', (views) => {
    const named = page.views.map(({ name }) => name).join('\n');
    page.views = views;
    renderScenarios();
    if (named !== views.map(({ name }) => name).join('\n')) renderEvents();
  });
  on('engines', (engines) => {
    page.engines = engines;
    renderEngines();
  });
  on('event', takeEvent);
  live.addEventListener('open', () => void readEvents());
  live.addEventListener('error', () => {
    lose();
    if (live.readyState === EventSource.CLOSED) setTimeout(listen, 2_000);
  });
}

async function readEvents() {
  try {
    const response = await fetch(`/api/events?limit=${eventsMax}`);
    if (!response.ok) return;
    const events = await response.json();
    // What came live while the answer was under way is newer than the answer: it stays.
    const bySeq = new Map([...page.events, ...events].map((event) => [event.seq, event]));
    page.events = [...bySeq.values()].toSorted((a, b) => b.seq - a.seq).slice(0, eventsMax);
    renderEvents();
  } catch {
    // The live connection tells that control is gone.
  }
}

setInterval(() => {
  if (Date.now() - page.heardAtMs > silentMsMax) lose();
  if (!page.lost) return;
  renderLost();
  renderScenarios();
}, 1_000);

renderAll();
listen();
