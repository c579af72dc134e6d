import type { Report } from '#engine/protocol/messages.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { EventLog } from '#control/eventLog/eventLog.ts';
import type { ControlStore, StoredScenario } from './controlStore.ts';
import type { EngineConnection, EngineParty } from './engineParty.ts';
import type { StatusBoard } from './statusBoard.ts';

const pollMs = 1_000;
const statusTimeoutMs = 2_000;
/** How long the engine holds a request for reports open when there are none. */
const reportsWaitMs = 20_000;
const retryMs = 1_000;
/** A definition without an answer is sent again only once the request that made it has surely ended. */
const redefineAfterMs = 15_000;

export type MirrorParties = {
  readonly appliance: EngineParty;
  readonly store: ControlStore;
  readonly eventLog: EventLog;
  readonly board: StatusBoard;
  readonly clock: Clock;
};

/**
 * Follows the appliance's engine: its reports into the event log, each once, and the status of every scenario each
 * second. The engine decides everything by itself; with the mirror dead only the picture is missing.
 */
export class Mirror {
  readonly #parties: MirrorParties;
  readonly #source: string;
  readonly #waiting = new Set<() => void>();
  #stopped = false;
  #said: 'reachable' | 'unreachable' | undefined;
  /** Whether the record of the engine connected now is the one that was mirrored so far. */
  #recordProven = false;
  #unfollow: (() => void) | undefined;

  constructor(parties: MirrorParties) {
    this.#parties = parties;
    const { host, port } = parties.appliance.connection().address;
    this.#source = `${host}:${port}`;
  }

  start(): void {
    const { appliance } = this.#parties;
    this.#unfollow = appliance.onConnection((connection) => this.#say(connection));
    this.#say(appliance.connection());
    void this.#repeat(() => this.#mirrorReports());
    void this.#repeat(() => this.#pollStatuses());
  }

  stop(): void {
    this.#stopped = true;
    this.#unfollow?.();
    for (const wake of this.#waiting) wake();
  }

  async #repeat(work: () => Promise<number>): Promise<void> {
    while (!this.#stopped) {
      const delayMs = await work().catch(() => retryMs);
      if (!this.#stopped && delayMs > 0) await this.#wait(delayMs);
    }
  }

  /** One long poll. The last sequence number is read from the store each time: it is durable with the events. */
  async #mirrorReports(): Promise<number> {
    const { appliance, store, eventLog } = this.#parties;
    if (!this.#recordProven) await this.#proveRecord();
    if (this.#stopped) return 0;
    const { reports } = await appliance.request(
      'reports.after',
      { seq: store.mirroredSeq(this.#source), waitMs: reportsWaitMs },
      { timeoutMs: reportsWaitMs + 10_000 },
    );
    if (this.#stopped) return 0;
    if (reports.length > 0) eventLog.mirror(this.#source, reports);
    // An engine that answers an empty page at once must not turn this into a busy loop.
    return reports.length > 0 ? 0 : 100;
  }

  /**
   * An engine that was installed again numbers its reports from 1: waiting for the next number would lose them. So the
   * last report that was mirrored is read once more on each connection and must still be the same.
   */
  async #proveRecord(): Promise<void> {
    const { appliance, store, eventLog, clock } = this.#parties;
    const last = store.lastMirrored(this.#source);
    if (last !== undefined) {
      const { reports } = await appliance.request('reports.after', { seq: last.seq - 1, waitMs: 0 });
      if (this.#stopped) return;
      const same = reports.find(({ seq }) => seq === last.seq);
      const pruned = same === undefined && reports.length > 0;
      if (!pruned && (same === undefined || !sameReport(same, last))) {
        store.restartMirror(this.#source, clock.nowMs());
        eventLog.append('applianceReplaced', { host: this.#source });
      }
    }
    this.#recordProven = true;
  }

  async #pollStatuses(): Promise<number> {
    await Promise.allSettled(this.#parties.store.scenarios().map((scenario) => this.#poll(scenario)));
    return pollMs;
  }

  async #poll({ definition, defined, createdAtMs }: StoredScenario): Promise<void> {
    const { appliance, store, board, clock } = this.#parties;
    if (!defined) {
      if (clock.nowMs() - createdAtMs < redefineAfterMs) return;
      const answer = await appliance.request('scenario.define', { definition }, { timeoutMs: statusTimeoutMs });
      if (this.#stopped) return;
      // Refused while it runs: the definition waits, its state is told all the same.
      if (answer.accepted) store.markDefined(definition.scenarioId);
    }
    const status = await appliance.request(
      'scenario.status',
      { scenarioId: definition.scenarioId },
      { timeoutMs: statusTimeoutMs },
    );
    if (!this.#stopped && store.scenario(definition.scenarioId) !== undefined) board.hear(status);
  }

  #say(connection: EngineConnection): void {
    const { eventLog } = this.#parties;
    if (connection.state !== 'connected') this.#recordProven = false;
    if (connection.state === 'connected' && this.#said !== 'reachable') {
      this.#said = 'reachable';
      eventLog.append('applianceReachable', { host: this.#source });
    }
    if (connection.state === 'disconnected' && this.#said !== 'unreachable') {
      this.#said = 'unreachable';
      eventLog.append('applianceUnreachable', { host: this.#source, reason: connection.reason ?? '-' });
    }
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#parties.clock.after(delayMs, wake);
      this.#waiting.add(wake);
    });
  }
}

const sameReport = (a: Report, b: Report): boolean =>
  a.atMs === b.atMs &&
  a.code === b.code &&
  a.scenarioId === b.scenarioId &&
  JSON.stringify(a.params) === JSON.stringify(b.params);
