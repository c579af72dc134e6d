import { describe, expect, it } from 'vitest';
import { Engine } from '#engine/Engine.ts';
import { LeaseKeeper } from '#engine/guard/LeaseKeeper.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import type { LeaseTiming } from '#machines/vocabulary.ts';
import { id, terms, timing } from './guardSite.ts';

/** A keeper and one voter that grants whatever it is asked; what the chart hears, with its time. */
async function keeping(times: Partial<LeaseTiming>) {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: new SimulatedRandom('keeper') });
  const facts: string[] = [];
  let polls = 0;
  const engine = new Engine({
    node: 'appliance',
    listen: terms.appliance,
    clock,
    network: network.host('appliance'),
    handlers: [{ 'lease.renew': () => ({ granted: true }) }],
  });
  await engine.start();
  const keeper = new LeaseKeeper({
    network: network.host('master'),
    clock,
    node: 'master',
    onFact: (_scenario, { type }) => facts.push(type),
    stateOf: () => 'serving',
    onPolled: () => (polls += 1),
  });
  keeper.start();
  keeper.hold(id, { ...terms, timing: { ...timing, ...times } }, 1);
  return { clock, network, keeper, facts, polls: () => polls };
}

describe('LeaseKeeper', () => {
  it('tells edges only', async () => {
    const { clock, network, facts } = await keeping({});
    await clock.advance(60_000);
    expect(facts).toEqual(['lease.granted']);
    network.cut('master', 'appliance');
    await clock.advance(60_000);
    network.heal();
    await clock.advance(60_000);
    expect(facts).toEqual(['lease.granted', 'lease.lapsed', 'lease.granted']);
  });

  it('looks at the deadline before it takes a grant: one that comes after it is a new lease, not a longer one', async () => {
    // Asked for again only after the end of the lease, and answered before the next poll.
    const { clock, facts } = await keeping({ renewMs: 5_200, leaseMs: 5_100, guardPollMs: 1_000 });
    await clock.advance(5_500);
    expect(facts).toEqual(['lease.granted', 'lease.lapsed', 'lease.granted']);
  });

  it('polls as often as the terms say, also when its voters hang, and idles without any', async () => {
    const { clock, network, keeper, polls } = await keeping({ guardPollMs: 100 });
    network.cut('master', 'appliance');
    await clock.advance(1_000);
    const before = polls();
    await clock.advance(10_000);
    expect(polls() - before).toBe(100);
    keeper.drop(id);
    await clock.advance(10_000);
    expect(polls() - before).toBe(110);
    keeper.stop();
    await clock.advance(10_000);
    expect(polls() - before).toBe(110);
  });

  it('asks nothing more of a scenario that was dropped', async () => {
    const { clock, keeper, facts } = await keeping({});
    await clock.advance(1_000);
    keeper.drop(id);
    await clock.advance(60_000);
    expect(facts).toEqual(['lease.granted']);
  });
});
