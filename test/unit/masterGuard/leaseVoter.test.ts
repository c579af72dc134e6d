import { describe, expect, it } from 'vitest';
import { toFault } from '#machines/faults.ts';
import { blankRecord, claimed, LeaseVoter, renewed } from '#machines/masterGuard/leaseVoter.ts';
import type { Renewal } from '#machines/masterGuard/leaseVoter.ts';
import type { Files } from '#machines/parties/files.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

const id = scenarioId('4009412486');
const intent = (epoch: number): Intent => ({ ticket: `t${epoch}`, scenarioId: id, epoch, deadlineAtMs: 0 });
const ask = (epoch: number, state: Renewal['state'] = 'serving'): Renewal => ({ scenarioId: id, epoch, state });
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (thrown: unknown) => {
      const { code, params } = toFault(thrown);
      return `${code} ${String(params['reason'] ?? '')}`.trim();
    },
  );

class World {
  readonly clock = new SimulatedClock();
  files: Files & { restart?: SimulatedFiles['restart'] } = new SimulatedFiles();
  readonly heard: string[] = [];
  #starts = 0;

  async voter(): Promise<LeaseVoter> {
    const voter = new LeaseVoter({
      files: this.files,
      clock: this.clock,
      random: new SimulatedRandom(`${(this.#starts += 1)}`),
      path: '/promises.json',
      voter: 'witness',
      onRenewal: (_scenario, state) => this.heard.push(state),
    });
    await voter.start();
    return voter;
  }
}

describe('a voter', () => {
  it('grants from the start, and behaves as if it had granted at its start', async () => {
    const world = new World();
    const voter = await world.voter();
    expect(await voter.renew(ask(1))).toEqual({ granted: true });
    await world.clock.advance(60_000);
    const again = await world.voter();
    expect(again.read(id).sinceLastGrantMs).toBe(0);
    await world.clock.advance(5_000);
    expect(again.read(id)).toMatchObject({ sinceLastGrantMs: 5_000, epoch: 1 });
    expect(await reasonOf(again.claim({ quietForMs: 5_001 }, intent(2)))).toBe('claimRefused masterLeased');
    expect(await again.claim({ quietForMs: 5_000 }, intent(2))).toEqual({ sinceLastGrantMs: 5_000 });
  });

  it('goes by the monotonic clock: a wall clock that is set changes nothing', async () => {
    const world = new World();
    const voter = await world.voter();
    await voter.renew(ask(1));
    world.clock.stepWallClock(86_400_000);
    expect(await reasonOf(voter.claim({ quietForMs: 1_000 }, intent(2)))).toBe('claimRefused masterLeased');
    world.clock.stepWallClock(-2 * 86_400_000);
    await world.clock.advance(1_000);
    expect(await voter.claim({ quietForMs: 1_000 }, intent(2))).toEqual({ sinceLastGrantMs: 1_000 });
  });

  it('grants nothing below a claim, over restarts too, and says so to whoever claimed when the master is heard', async () => {
    const world = new World();
    const voter = await world.voter();
    await voter.claim({ quietForMs: 0 }, intent(2));
    const again = await world.voter();
    expect(await again.renew(ask(1, 'isolated'))).toEqual({ granted: false, reason: 'claimed', epoch: 2 });
    expect(world.heard).toEqual(['isolated']);
    expect(again.read(id)).toMatchObject({ claimedEpoch: 2 });
  });

  it('gives the same claim the same answer, also after a restart, and takes a newer one', async () => {
    const world = new World();
    const voter = await world.voter();
    await world.clock.advance(7_000);
    const first = await voter.claim({ quietForMs: 0 }, intent(2));
    await world.clock.advance(7_000);
    expect(await voter.claim({ quietForMs: 60_000 }, intent(2))).toEqual(first);
    expect(await (await world.voter()).claim({ quietForMs: 60_000 }, intent(2))).toEqual(first);
    expect(await voter.claim({ quietForMs: 0 }, intent(4))).toEqual({ sinceLastGrantMs: 14_000 });
    expect(await reasonOf(voter.claim({ quietForMs: 0 }, intent(3)))).toBe('claimRefused otherClaim');
  });

  it('a refused claim leaves it granting', async () => {
    const world = new World();
    const voter = await world.voter();
    await voter.renew(ask(1));
    expect(await reasonOf(voter.claim({ quietForMs: 1 }, intent(2)))).toBe('claimRefused masterLeased');
    expect(await reasonOf(voter.claim({ quietForMs: 0 }, intent(1)))).toBe('staleEpoch');
    expect(await reasonOf(voter.claim({ quietForMs: 0, generation: 'other' }, intent(2)))).toBe(
      'claimRefused forgetful',
    );
    expect(await voter.renew(ask(1))).toEqual({ granted: true });
    expect(world.heard).toEqual([]);
  });

  it('resumes granting once exactly the claim is released; a claim that comes after its release is stale', async () => {
    const voter = await new World().voter();
    await voter.renew(ask(1));
    await voter.claim({ quietForMs: 0 }, intent(3));
    await voter.release(intent(2));
    expect(await voter.renew(ask(1))).toMatchObject({ granted: false });
    await voter.release(intent(3));
    await voter.release(intent(3));
    expect(await voter.renew(ask(1))).toEqual({ granted: true });
    expect(await reasonOf(voter.claim({ quietForMs: 0 }, intent(3)))).toBe('staleEpoch');
    expect(await voter.claim({ quietForMs: 0 }, intent(4))).toEqual({ sinceLastGrantMs: 0 });
  });

  it('a guard in the epoch of the claim consumes it; who asks in an older one is replaced', async () => {
    const world = new World();
    const voter = await world.voter();
    await voter.claim({ quietForMs: 0 }, intent(2));
    expect(await voter.renew(ask(2))).toEqual({ granted: true });
    const again = await world.voter();
    expect(await again.renew(ask(1))).toEqual({ granted: false, reason: 'replaced', epoch: 2 });
    await again.claim({ quietForMs: 0 }, intent(3));
    await again.consume(intent(3));
    expect(await again.renew(ask(2))).toEqual({ granted: false, reason: 'replaced', epoch: 3 });
  });

  it('one that has lost its memory says so by another generation, and honours no claim on the old one', async () => {
    const world = new World();
    const { generation } = (await world.voter()).read(id);
    expect((await world.voter()).read(id).generation).toBe(generation);
    await world.files.write('/promises.json', new TextEncoder().encode('{"generation":'));
    const amnesic = await world.voter();
    expect(amnesic.read(id).generation).not.toBe(generation);
    expect(amnesic.knows(id)).toBe(false);
    expect(await reasonOf(amnesic.claim({ quietForMs: 0, generation }, intent(2)))).toBe('claimRefused forgetful');
  });

  it('what could not be written was not promised: the master gets its leases again', async () => {
    const world = new World();
    const files = new SimulatedFiles();
    world.files = files;
    const voter = await world.voter();
    files.bytesMax = 0;
    expect(await reasonOf(voter.claim({ quietForMs: 0 }, intent(2)))).toContain('diskFull');
    files.bytesMax = Number.POSITIVE_INFINITY;
    expect(await voter.renew(ask(1))).toEqual({ granted: true });
  });
});

/** A disk whose writes wait until they are let go. */
class SlowFiles extends SimulatedFiles {
  readonly #waiting: (() => void)[] = [];
  slow = false;

  override async write(path: string, bytes: Uint8Array): Promise<void> {
    if (this.slow) await new Promise<void>((go) => this.#waiting.push(go));
    await super.write(path, bytes);
  }

  letGo(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

type Claimant = Pick<LeaseVoter, 'claim' | 'renew'>;

/** The race that one in twenty thousand runs found: a grant decided while a claim is on its way to the disk. */
async function grantsWhileClaiming(wrap: (voter: LeaseVoter, files: SlowFiles) => Claimant): Promise<boolean> {
  const world = new World();
  const files = new SlowFiles();
  world.files = files;
  const inner = await world.voter();
  await inner.renew(ask(1));
  const voter = wrap(inner, files);
  await world.clock.advance(60_000);
  files.slow = true;
  const claim = voter.claim({ quietForMs: 30_000 }, intent(2));
  const renewal = await voter.renew(ask(1));
  files.slow = false;
  files.letGo();
  const { sinceLastGrantMs } = await claim;
  return renewal.granted && sinceLastGrantMs > 0;
}

describe('a voter stops granting before its promise is durable', () => {
  it('the real one', async () => expect(await grantsWhileClaiming((voter) => voter)).toBe(false));

  it('one that stops only afterwards is noticed', async () => {
    const late = (voter: LeaseVoter, files: SlowFiles): Claimant => ({
      renew: (renewal) => voter.renew(renewal),
      claim: async (claim, of) => {
        const promised = { sinceLastGrantMs: voter.read(id).sinceLastGrantMs };
        await files.write('/claim', new Uint8Array(1));
        await voter.claim({ ...claim, quietForMs: 0 }, of);
        return promised;
      },
    });
    expect(await grantsWhileClaiming(late)).toBe(true);
  });
});

/** Every order of a few messages: is a lease below the epoch ever granted after it was promised away? */
function breaches(rules: { renewed: typeof renewed; claimed: typeof claimed }): number {
  let found = 0;
  const messages = ['renew', 'renew', 'claim2', 'claim3', 'claim2'] as const;
  const orders = (left: readonly (typeof messages)[number][]): (typeof messages)[number][][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((first, at) => orders(left.toSpliced(at, 1)).map((rest) => [first, ...rest]));
  for (const order of orders(messages)) {
    let record = blankRecord;
    let promised = 0;
    for (const message of order) {
      if (message === 'renew') {
        const step = rules.renewed(record, 1);
        if (step.answer.granted && promised > 1) found += 1;
        record = step.record;
        continue;
      }
      const epoch = message === 'claim2' ? 2 : 3;
      try {
        record = rules.claimed(record, { epoch, quietForMs: 0, sinceLastGrantMs: 0 }, 'v').record;
        if (epoch < promised) found += 1;
        promised = Math.max(promised, epoch);
      } catch {
        // Refused: nothing was promised.
      }
    }
  }
  return found;
}

describe('no order of messages makes a voter break its promise', () => {
  it('the rules', () => expect(breaches({ renewed, claimed })).toBe(0));

  it('rules that forget a claim on a renewal, or let an older claim replace a newer one, are noticed', () => {
    const forgetful: typeof renewed = () => ({ answer: { granted: true }, record: blankRecord });
    const lastWins: typeof claimed = (record, { epoch, sinceLastGrantMs }) => ({
      promised: { sinceLastGrantMs },
      record: { ...record, claim: { epoch, sinceLastGrantMs } },
    });
    expect(breaches({ renewed: forgetful, claimed })).toBeGreaterThan(0);
    expect(breaches({ renewed, claimed: lastWins })).toBeGreaterThan(0);
  });
});
