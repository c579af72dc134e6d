import { PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Network } from '#machines/parties/network.ts';
import type { RemoteMaster } from '#machines/parties/remoteMaster.ts';
import type { HostAddress, MasterDescription } from '#machines/vocabulary.ts';
import { openSession } from '#engine/protocol/session.ts';
import type { Session } from '#engine/protocol/session.ts';

export type MasterFact =
  | { readonly type: 'master.silent'; readonly silentForMs: number }
  | { readonly type: 'master.heard' };

type Options = {
  readonly network: Network;
  readonly clock: Clock;
  /** Name of this engine, for the greeting. */
  readonly node: string;
  readonly onFact: (fact: MasterFact) => void;
};

/** A reply that takes longer is none (guide product 5). */
const replyMs = 2_000;
const silentAfterMisses = 2;
const looks = 3;
const betweenLooksMs = 1_000;

/** Trouble that only a living engine can cause: never taken for a dead master. */
const signsOfLife = new Set(['versionMismatch', 'untrustedCertificate', 'protocolError', 'staleEpoch']);

/** The master as the appliance reaches it: one object a scenario, because a scenario has one watch. */
export class RemoteMasterSession implements RemoteMaster {
  readonly #options: Options;
  #watch: Watch | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  describe(at: HostAddress): Promise<MasterDescription> {
    return this.#withSession(at, (session) => session.request('host.describe', {}));
  }

  watch(at: HostAddress & { readonly heartbeatMs: number }): Promise<void> {
    this.#watch?.stop();
    this.#watch = new Watch(at, this.#options);
    return Promise.resolve();
  }

  unwatch(): Promise<void> {
    this.#watch?.stop();
    this.#watch = undefined;
    return Promise.resolve();
  }

  async look(at: HostAddress): Promise<{ readonly alive: boolean; readonly evidence: string }> {
    let evidence = '';
    for (let attempt = 1; attempt <= looks; attempt++) {
      try {
        await this.#withSession(at, (session) => session.request('host.ping', {}, { timeoutMs: replyMs }));
        return { alive: true, evidence: `${at.host}:${at.port} answers` };
      } catch (thrown) {
        const { code, params } = toFault(thrown);
        evidence = `${at.host}:${at.port} ${code} ${String(params['reason'] ?? '')}`.trim();
        if (signsOfLife.has(code)) return { alive: true, evidence };
      }
      if (attempt < looks) await this.#options.clock.sleep(betweenLooksMs);
    }
    return { alive: false, evidence };
  }

  async isolate(at: HostAddress, intent: Intent): Promise<void> {
    await this.#withSession(at, (session) => session.request('host.isolate', { intent }));
  }

  async #withSession<T>(at: HostAddress, use: (session: Session) => Promise<T>): Promise<T> {
    const { network, clock, node } = this.#options;
    const connection = await network.connect(at, { timeoutMs: replyMs });
    const session = await openSession(connection, { clock, node, purpose: 'engine' });
    try {
      return await use(session);
    } finally {
      session.close();
    }
  }
}

/** The heartbeat. Two beats in a row without reply are silence; the chart hears only the edges. */
class Watch {
  readonly #at: HostAddress & { readonly heartbeatMs: number };
  readonly #options: Options;
  #session: Session | undefined;
  #cancelBeat: () => void = () => {};
  #stopped = false;
  #misses = 0;
  #heardNs: bigint;

  constructor(at: HostAddress & { readonly heartbeatMs: number }, options: Options) {
    this.#at = at;
    this.#options = options;
    this.#heardNs = options.clock.monotonicNs();
    this.#schedule(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelBeat();
    this.#session?.close();
  }

  #schedule(delayMs: number): void {
    if (!this.#stopped) this.#cancelBeat = this.#options.clock.after(delayMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const startedNs = this.#options.clock.monotonicNs();
    const heard = await this.#ask();
    if (this.#stopped) return;
    if (heard) this.#hear();
    else this.#miss();
    const tookMs = Number(this.#options.clock.monotonicNs() - startedNs) / 1e6;
    this.#schedule(Math.max(0, this.#at.heartbeatMs - tookMs));
  }

  async #ask(): Promise<boolean> {
    const { network, clock, node } = this.#options;
    // A heartbeat shorter than the reply's own deadline would otherwise run late.
    const timeoutMs = Math.min(replyMs, this.#at.heartbeatMs);
    try {
      this.#session =
        this.#session?.closed === false
          ? this.#session
          : await openSession(await network.connect(this.#at, { timeoutMs }), { clock, node, purpose: 'engine' });
      if (this.#stopped) this.#session.close();
      else await this.#session.request('host.ping', {}, { timeoutMs });
      return true;
    } catch (thrown) {
      this.#session?.close();
      this.#session = undefined;
      return thrown instanceof PartyFault && signsOfLife.has(thrown.fault.code);
    }
  }

  #hear(): void {
    this.#heardNs = this.#options.clock.monotonicNs();
    if (this.#misses >= silentAfterMisses) this.#options.onFact({ type: 'master.heard' });
    this.#misses = 0;
  }

  #miss(): void {
    this.#misses += 1;
    if (this.#misses !== silentAfterMisses) return;
    const silentForMs = Math.round(Number(this.#options.clock.monotonicNs() - this.#heardNs) / 1e6);
    this.#options.onFact({ type: 'master.silent', silentForMs });
  }
}
