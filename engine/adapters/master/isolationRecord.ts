import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { PartyFault } from '#machines/faults.ts';
import type { Intent } from '#machines/parties/intent.ts';

/** The highest epoch heard of a scenario, and since when it keeps the host isolated; absent when it does not. */
type ScenarioIsolation = { readonly epoch: number; readonly sinceMs?: number };

/**
 * Who keeps this host off its production network, in a file that outlives the engine and the host's restarts
 * (guide 10-2). Epochs of different scenarios cannot be compared, so each scenario has a line of its own.
 */
export class IsolationRecord {
  readonly #folder: string;
  #scenarios: Readonly<Record<string, ScenarioIsolation>>;

  /** Throws when the file is there and unreadable: a host that may be isolated must not guess that it is not. */
  constructor(stateFolder: string) {
    this.#folder = stateFolder;
    mkdirSync(stateFolder, { recursive: true });
    this.#scenarios = readScenarios(this.#path);
  }

  get isolated(): boolean {
    return Object.values(this.#scenarios).some((scenario) => scenario.sinceMs !== undefined);
  }

  /** Faults: `staleEpoch`; `timedOut` without effect when the caller no longer wants a change that is still to be made. */
  isolate(intent: Intent, nowMs: number): void {
    if (this.#admit(intent)?.sinceMs !== undefined) return this.#raise(intent);
    refuseLate('isolate', intent, nowMs);
    this.#store(intent.scenarioId, { epoch: intent.epoch, sinceMs: nowMs });
  }

  /** Faults: as `isolate`. */
  rejoin(intent: Intent, nowMs: number): void {
    const known = this.#admit(intent);
    if (known?.sinceMs !== undefined) refuseLate('rejoin', intent, nowMs);
    else if (known?.epoch === intent.epoch) return;
    this.#store(intent.scenarioId, { epoch: intent.epoch });
  }

  get #path(): string {
    return `${this.#folder}/isolated.json`;
  }

  #admit(intent: Intent): ScenarioIsolation | undefined {
    const known = this.#scenarios[intent.scenarioId];
    if (known !== undefined && intent.epoch < known.epoch) {
      throw new PartyFault('staleEpoch', { theirs: intent.epoch, ours: known.epoch });
    }
    return known;
  }

  #raise(intent: Intent): void {
    const known = this.#scenarios[intent.scenarioId];
    if (known !== undefined && known.epoch < intent.epoch) {
      this.#store(intent.scenarioId, { ...known, epoch: intent.epoch });
    }
  }

  #store(scenarioId: string, isolation: ScenarioIsolation): void {
    const scenarios = { ...this.#scenarios, [scenarioId]: isolation };
    writeDurably(this.#folder, this.#path, JSON.stringify({ scenarios }));
    this.#scenarios = scenarios;
  }
}

function refuseLate(what: string, intent: Intent, nowMs: number): void {
  if (nowMs > intent.deadlineAtMs) throw new PartyFault('timedOut', { what }, 'none');
}

function readScenarios(path: string): Record<string, ScenarioIsolation> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw thrown;
  }
  return (JSON.parse(text) as { scenarios: Record<string, ScenarioIsolation> }).scenarios;
}

function writeDurably(folder: string, path: string, text: string): void {
  const aside = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(aside, text);
    fsyncSync(aside);
  } finally {
    closeSync(aside);
  }
  renameSync(`${path}.new`, path);
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
