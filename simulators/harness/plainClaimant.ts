import { openSession } from '#engine/protocol/session.ts';
import type { RequestName, Requests } from '#engine/protocol/messages.ts';
import { toFault } from '#machines/faults.ts';
import type { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import { safeWaitMs } from '#machines/masterGuard/leaseTiming.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { Network } from '#machines/parties/network.ts';
import type { ScenarioId } from '#machines/vocabulary.ts';
import type { Observation, Terms } from '#simulators/checkers/observation.ts';

export type PlainClaimantOptions = {
  readonly clock: Clock;
  readonly network: Network;
  readonly files: Files;
  readonly voter: LeaseVoter;
  readonly scenario: ScenarioId;
  readonly terms: Terms;
  readonly observe: (seen: Observation) => void;
  readonly boundary: (what: string) => void;
  readonly nowMs: () => number;
  readonly error?: ClaimantError | undefined;
  readonly masterAnswersProbe: () => boolean;
  readonly double: { powerOn(): void; powerOff(): void; connect(): void };
};

type Phase = 'replicating' | 'takingOver.claiming' | 'takingOver.waiting' | 'standingDown' | 'switchedOver';
/** `armed`: the guard has confirmed that its master serves with a lease only; before that nothing fences it. */
type Memory = { readonly epoch: number; readonly phase: Phase; readonly armed: boolean };

const path = '/claimant.json';
const witness = { host: 'witness', port: 25_000 };
const engine = { host: 'master', port: 25_000 };
const guardAt = { host: 'master', port: 25_001 };
const replyMs = 2_000;
const probeMs = 5_000;
/** Heartbeats between two looks whether the guard is armed. */
const armEvery = 6;

/** Ways to be wrong, for the mutants: each breaks one rule that the real charts keep. */
export type ClaimantError =
  | 'unarmed'
  | 'noWitness'
  | 'noWait'
  | 'noLook'
  | 'noProbe'
  | 'noQuiet'
  | 'noRelease'
  | 'forgetsEpoch';

/** Takes over as the scenario's chart does, in one plain loop: what the voters and the guard are tried with. */
export class PlainClaimant {
  readonly #options: PlainClaimantOptions;
  #memory: Memory = { epoch: 1, phase: 'replicating', armed: false };
  #heardNs = 0n;
  #heardWhileClaiming = false;
  #tickets = 0;
  #beats = 0;

  constructor(options: PlainClaimantOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#memory.phase;
  }

  get epoch(): number {
    return this.#memory.epoch;
  }

  get armed(): boolean {
    return this.#memory.armed;
  }

  /** The master asked for a lease although its place is claimed: it lives. */
  heard(): void {
    this.#heardWhileClaiming = true;
  }

  async start(): Promise<void> {
    const stored = await this.#options.files.read(path);
    if (stored && !this.#is('forgetsEpoch')) this.#memory = JSON.parse(new TextDecoder().decode(stored)) as Memory;
    this.#heardNs = this.#options.clock.monotonicNs();
    this.#options.observe({ t: this.#options.nowMs(), kind: 'durableEpoch', node: 'appliance', epoch: this.epoch });
    void this.#live();
  }

  async #live(): Promise<void> {
    // A restarted claimant releases what it has claimed before it does anything else.
    if (this.phase === 'takingOver.claiming' || this.phase === 'takingOver.waiting' || this.phase === 'standingDown')
      await this.#standDown('appliance.restarted');
    const { clock, terms } = this.#options;
    while (this.phase !== 'switchedOver') {
      if (await this.#asks(engine, 'host.ping', {})) this.#heardNs = clock.monotonicNs();
      if (this.#beats++ % armEvery === 0) await this.#arm();
      const silentMs = Number(clock.monotonicNs() - this.#heardNs) / 1e6;
      const mayTakeOver = this.armed || this.#is('unarmed');
      if (mayTakeOver && terms.switchover === 'automatic' && silentMs >= terms.isAlive.timeoutMs)
        await this.#takeOver();
      else await clock.sleep(terms.isAlive.heartbeatMs);
    }
    // A crash between the promise and its use is made good.
    this.#options.double.powerOn();
    this.#options.double.connect();
  }

  async #takeOver(): Promise<void> {
    const { clock, voter, terms, double, masterAnswersProbe } = this.#options;
    if ((await this.#looksAlive()) && !this.#is('noLook')) {
      this.#heardNs = clock.monotonicNs();
      return;
    }
    await this.#enter('takingOver.claiming', this.epoch + 1, 'master.silent');
    this.#heardWhileClaiming = false;
    double.powerOn();
    const quietForMs = this.#is('noQuiet') ? 0 : terms.timing.renewMs;
    try {
      await voter.claim({ quietForMs }, this.#intent());
      const view = await this.#request(witness, 'witness.read', { scenarioId: this.#options.scenario });
      this.#wish('witness.claim');
      if (!this.#is('noWitness'))
        await this.#request(witness, 'witness.claim', {
          quietForMs,
          generation: view.generation,
          intent: this.#intent(),
        });
    } catch {
      return this.#standDown('claimRefused');
    }
    await this.#enter('takingOver.waiting', this.epoch, 'witness.claim.done');
    const untilNs = clock.monotonicNs() + BigInt(Math.ceil(this.#is('noWait') ? 0 : safeWaitMs(terms.timing) * 1e6));
    while (clock.monotonicNs() < untilNs) {
      if (this.#heardWhileClaiming) return this.#standDown('master.heard');
      await clock.sleep(500);
    }
    await clock.sleep(probeMs);
    const answered = !this.#is('noProbe') && masterAnswersProbe();
    const addresses = this.#is('noProbe') ? [] : terms.productionAddresses;
    this.#options.observe({ t: this.#options.nowMs(), kind: 'probe', addresses, answered });
    if (answered || this.#heardWhileClaiming) return this.#standDown('addresses.answered');
    await this.#enter('switchedOver', this.epoch, 'proven');
    await voter.consume(this.#intent());
    double.connect();
  }

  async #standDown(why: string): Promise<void> {
    const { clock, voter, double } = this.#options;
    await this.#enter('standingDown', this.epoch, why);
    double.powerOff();
    if (!this.#is('noRelease')) await voter.release(this.#intent());
    while (!this.#is('noRelease')) {
      this.#wish('witness.release');
      if (await this.#asks(witness, 'witness.release', { intent: this.#intent() })) break;
      await clock.sleep(5_000);
    }
    this.#heardNs = clock.monotonicNs();
    await this.#enter('replicating', this.epoch, 'released');
  }

  async #arm(): Promise<void> {
    const { terms, scenario } = this.#options;
    await this.#asks(witness, 'witness.read', { scenarioId: scenario });
    try {
      if ((await this.#request(guardAt, 'guard.describe', { scenarioId: scenario })).armed) return;
    } catch {
      return;
    }
    const told = await this.#asks(guardAt, 'guard.arm', {
      terms: {
        appliance: { host: 'appliance', port: 25_000 },
        witness,
        policy: terms.switchover,
        timing: terms.timing,
      },
      intent: this.#intent(),
    });
    if (!told || this.armed) return;
    this.#memory = { ...this.#memory, armed: true };
    await this.#save();
  }

  async #looksAlive(): Promise<boolean> {
    for (const at of [engine, guardAt]) {
      try {
        (await this.#options.network.connect(at, { timeoutMs: replyMs })).close();
        this.#look(true, 'it answers');
        return true;
      } catch (thrown) {
        if (!String(toFault(thrown).params['reason']).includes('REFUSED')) continue;
        this.#look(true, 'it refuses');
        return true;
      }
    }
    this.#look(false, 'silence');
    return false;
  }

  #look(alive: boolean, evidence: string): void {
    this.#options.observe({ t: this.#options.nowMs(), kind: 'look', alive, evidence });
  }

  #wish(name: string): void {
    this.#options.observe({ t: this.#options.nowMs(), kind: 'wish', name, ticket: '', epoch: this.epoch });
    this.#options.boundary(name);
  }

  #intent(): Intent {
    const { clock, scenario } = this.#options;
    this.#tickets += 1;
    const ticket = `${this.epoch}/${clock.monotonicNs()}/${this.#tickets}`;
    return { ticket, scenarioId: scenario, epoch: this.epoch, deadlineAtMs: clock.nowMs() + 10_000 };
  }

  async #enter(phase: Phase, epoch: number, event: string): Promise<void> {
    const from = this.#memory.phase;
    this.#memory = { ...this.#memory, phase, epoch };
    await this.#save();
    const t = this.#options.nowMs();
    this.#options.observe({
      t,
      kind: 'chart',
      chart: 'claimant',
      node: 'appliance',
      event,
      from,
      state: phase,
      taken: 'taken',
      recorded: true,
      deadlines: 1,
      wishes: 0,
    });
    this.#options.observe({ t, kind: 'durableEpoch', node: 'appliance', epoch });
    this.#options.observe({ t, kind: 'told', code: phase });
    this.#options.boundary(phase);
  }

  #is(error: ClaimantError): boolean {
    return this.#options.error === error;
  }

  #save(): Promise<void> {
    return this.#options.files.write(path, new TextEncoder().encode(JSON.stringify(this.#memory)));
  }

  async #asks<Name extends RequestName>(
    at: { readonly host: string; readonly port: number },
    name: Name,
    params: Requests[Name]['params'],
  ): Promise<boolean> {
    try {
      await this.#request(at, name, params);
      return true;
    } catch {
      return false;
    }
  }

  async #request<Name extends RequestName>(
    at: { readonly host: string; readonly port: number },
    name: Name,
    params: Requests[Name]['params'],
  ): Promise<Requests[Name]['result']> {
    const { network, clock } = this.#options;
    const connection = await network.connect(at, { timeoutMs: replyMs });
    const session = await openSession(connection, { clock, node: 'appliance', purpose: 'engine' });
    try {
      return await session.request(name, params, { timeoutMs: replyMs });
    } finally {
      session.close();
    }
  }
}
