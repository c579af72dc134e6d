import { bytes, clockTime, duration, integer, say, wholeDuration, word } from './words.js';

/** Always there, with the reason when they are refused. */
const commands = ['run', 'stop', 'switchover'];
/** There only when they are accepted: they belong to one situation. */
const occasional = [
  'assertMasterOff',
  'giveUpSwitchover',
  'suspend',
  'resume',
  'announceMaintenance',
  'endMaintenance',
  'startTest',
  'endTest',
  'seedArrived',
];
const dangerous = new Set(['switchover', 'assertMasterOff']);

export const make = (tag, className = '', text = '') => {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
};

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Colour of a state. Green is only what protects now; a state without a rule stays neutral. */
function tone(view) {
  if (!view.known) return 'unknown';
  const { state, running, link } = view.status;
  if (/masterDown|unproven|addressAlive|failed/.test(state)) return 'bad';
  if (/suspecting|lookingAgain|doubting|^takingOver|^switchingOver/.test(state)) return 'warn';
  if (state.startsWith('replicating')) {
    return state.includes('flow.connected') && link !== 'disconnected' ? 'good' : 'warn';
  }
  if (state.startsWith('switchedOver')) return 'over';
  return running ? 'busy' : 'calm';
}

/** A fault belongs on the card until the scenario is well again. */
const showsFault = (view) => view.fault !== undefined && !['good', 'busy'].includes(tone(view));

/** The facts of a card, each only when it is known. */
function facts(view) {
  const list = [];
  const add = (key, value, extra = {}) => list.push({ key, value, ...extra });
  if (!view.known) {
    add('lastHeard', view.ageMs === undefined ? word('never') : word('ago', { time: wholeDuration(view.ageMs) }));
    if (view.lastKnown !== undefined) add('lastState', say(view.lastKnown.label));
  } else {
    const { replicationLagMs, consistentPoint, link, spool, epoch, replicatedBytes, sinceMs } = view.status;
    if (replicationLagMs !== undefined) add('lag', duration(replicationLagMs), { large: true });
    if (consistentPoint !== undefined && consistentPoint !== null) {
      const at = replicationLagMs === undefined ? '' : `${clockTime(Date.now() - view.ageMs - replicationLagMs)} `;
      add('consistentPoint', `${at}#${integer(consistentPoint.sequence)}`);
    }
    if (link !== undefined) add('link', word(link), { tone: link === 'connected' ? 'good' : 'warn' });
    if (spool !== undefined) {
      const share = spool.bytesMax === 0 ? 0 : spool.bytes / spool.bytesMax;
      add('spool', word('of', { part: bytes(spool.bytes), all: bytes(spool.bytesMax) }), {
        tone: share > 0.8 ? 'warn' : '',
      });
    }
    if (replicatedBytes !== undefined) add('replicated', bytes(replicatedBytes));
    add('epoch', integer(epoch));
    add('since', clockTime(sinceMs));
  }
  add('mode', word(view.definition.switchover));
  return list;
}

/** One scenario on the page. `act(command, view)` is called for an accepted command, `explain(reason)` for another. */
export class ScenarioCard {
  constructor({ act, explain }) {
    this.view = undefined;
    this.element = make('article', 'card');
    const head = make('div', 'cardHead');
    const titles = make('div', 'titles');
    this.name = make('h3');
    this.id = make('p', 'scenarioId');
    titles.append(this.name, this.id);
    this.pill = make('span', 'pill');
    head.append(titles, this.pill);
    this.reason = make('p', 'reason');
    this.progress = this.makeProgress();
    this.list = make('dl', 'facts');
    this.factElements = new Map();
    this.buttons = new Map();
    const bar = make('div', 'buttons');
    for (const command of [...commands, ...occasional]) {
      const button = make('button', dangerous.has(command) ? 'danger' : '');
      button.type = 'button';
      button.addEventListener('click', () => {
        const answer = this.view.commands[command];
        if (answer.accepted) act(command, this.view);
        else explain(say(answer));
      });
      this.buttons.set(command, button);
      bar.append(button);
    }
    this.element.append(head, this.reason, this.progress.element, this.list, bar);
  }

  makeProgress() {
    const element = make('div', 'progress');
    const label = make('span', 'progressLabel');
    const figures = make('span', 'progressFigures');
    const bar = make('progress');
    const head = make('div', 'progressHead');
    head.append(label, figures);
    element.append(head, bar);
    return { element, label, figures, bar };
  }

  update(view) {
    this.view = view;
    this.element.dataset.tone = tone(view);
    setText(this.name, view.name);
    setText(this.id, `${view.scenarioId} · ${view.definition.master.host} → ${view.definition.substituteVm.name}`);
    setText(this.pill, view.known ? say(view.status.label) : say(view.label));
    const fault = view.known && showsFault(view) ? view.fault : undefined;
    const reason = view.known ? (fault ?? view.status.stopReason) : view.reason;
    setText(this.reason, reason === undefined ? '' : say(reason));
    this.reason.hidden = reason === undefined;
    this.reason.className = fault === undefined ? 'reason' : 'reason fault';
    this.updateProgress(view.known ? view.status.synchronization : undefined);
    this.updateFacts(facts(view));
    for (const [command, button] of this.buttons) {
      const answer = view.commands[command];
      setText(button, word(command));
      button.hidden = occasional.includes(command) && !answer?.accepted;
      if (answer === undefined) continue;
      // Not `disabled`: the reason stays within reach of the keyboard and of screen readers.
      button.setAttribute('aria-disabled', String(!answer.accepted));
      button.title = answer.accepted ? '' : say(answer);
    }
  }

  updateProgress(sync) {
    const { element, label, figures, bar } = this.progress;
    element.hidden = sync === undefined;
    if (sync === undefined) return;
    const share = sync.totalBytes === 0 ? 1 : sync.doneBytes / sync.totalBytes;
    const left =
      sync.remainingMs === undefined ? '' : ` · ${word('remaining', { time: wholeDuration(sync.remainingMs) })}`;
    setText(label, `${word('synchronization')} ${Math.floor(share * 100)}%`);
    setText(
      figures,
      `${word('of', { part: bytes(sync.doneBytes), all: bytes(sync.totalBytes) })} · ${bytes(sync.bytesPerSecond)}/s${left}`,
    );
    bar.max = 1;
    bar.value = share;
    bar.setAttribute('aria-label', word('synchronization'));
  }

  updateFacts(list) {
    const keys = list.map(({ key }) => key).join(' ');
    if (keys !== this.factKeys) {
      this.factKeys = keys;
      this.factElements.clear();
      this.list.replaceChildren(
        ...list.map(({ key }) => {
          const group = make('div');
          const value = make('dd');
          const name = make('dt');
          group.append(name, value);
          this.factElements.set(key, { group, name, value });
          return group;
        }),
      );
    }
    for (const { key, value, large = false, tone: factTone = '' } of list) {
      const element = this.factElements.get(key);
      setText(element.name, word(key));
      setText(element.value, value);
      element.group.className = large ? 'large' : '';
      element.value.dataset.tone = factTone;
    }
  }
}
