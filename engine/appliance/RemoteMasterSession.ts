import { PartyFault, toFault } from '#machines/faults.ts';
import type { Fault } from '#machines/faults.ts';
import type { RemoteMaster } from '#machines/parties/remoteMaster.ts';
import type { HostAddress, MasterDescription } from '#machines/vocabulary.ts';
import { openSession } from '#engine/protocol/session.ts';
import type { Session } from '#engine/protocol/session.ts';
import { remoteCall, replyMs, withSession } from './remoteCall.ts';
import type { Line } from './remoteCall.ts';

export type MasterFact =
  | { readonly type: 'master.silent'; readonly silentForMs: number }
  | { readonly type: 'master.heard' };

type Options = Line & { readonly onFact: (fact: MasterFact) => void };

const silentAfterMisses = 2;
const looks = 3;
const betweenLooksMs = 1_000;

/** Trouble that only a living engine can cause: never taken for a dead master. */
const signsOfLife = new Set(['versionMismatch', 'untrustedCertificate', 'protocolError', 'staleEpoch']);
/** Nobody said anything. Every other end of a connection, a refusal above all, was said by a living host. */
const silences = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/** What one look at one port found. */
type Glimpse = { readonly alive: boolean; readonly evidence: string };

/** The master as the appliance reaches it: one object a scenario, because a scenario has one watch. */
export class RemoteMasterSession implements RemoteMaster {
  readonly #options: Options;
  #watch: Watch | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  describe(at: HostAddress): Promise<MasterDescription> {
    return remoteCall(this.#options, at, 'host.describe', {});
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

  /** Three looks at both ports; the first sign of life ends them. Fault: `unreachable` when no look could be made. */
  async look({ host, port, guardPort }: HostAddress & { readonly guardPort: number }): Promise<Glimpse> {
    for (let attempt = 1; ; attempt++) {
      const [engine, guard] = await Promise.all([
        this.#glimpse('engine', { host, port }),
        this.#glimpse('guard', { host, port: guardPort }),
      ]);
      const alive = engine.alive || guard.alive;
      if (alive || attempt === looks) return { alive, evidence: `${engine.evidence}; ${guard.evidence}` };
      await this.#options.clock.sleep(betweenLooksMs);
    }
  }

  async #glimpse(what: string, at: HostAddress): Promise<Glimpse> {
    const name = `${what} ${at.host}:${at.port}`;
    let accepted = false;
    try {
      await withSession(this.#options, at, (session) => {
        accepted = true;
        return session.request('host.ping', {}, { timeoutMs: replyMs });
      });
      return { alive: true, evidence: `${name} answers` };
    } catch (thrown) {
      const value = toFault(thrown);
      const reason = String(value.params['reason'] ?? '');
      // The name could not even be looked up: this says nothing about the master.
      if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN') throw thrown;
      return { alive: accepted || !isSilence(value), evidence: `${name} ${value.code} ${reason}`.trim() };
    }
  }
}

const isSilence = ({ code, params }: Fault): boolean =>
  code === 'timedOut' || (code === 'unreachable' && silences.has(String(params['reason'])));

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
