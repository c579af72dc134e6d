import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { ProcessClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { SimulatedReplica, SimulatedReplicaStore } from '#simulators/replica/SimulatedReplica.ts';
import { SimulatedSource } from '#simulators/replica/SimulatedSource.ts';
import { SteadyWorkload } from '#simulators/replica/simulatedWorkload.ts';
import type { ReplicaFact } from '#engine/replica/ReplicaStream.ts';
import { diskPlans, scenario, Site } from '#test/unit/dataPlane/site.ts';
import { replicaContract } from './suite.ts';
import type { ReplicaWorld } from './suite.ts';

const writeGapMs = 20;

replicaContract('ReplicaReceiver', async (seed) => {
  const site = new Site(seed);
  await site.startMaster();
  site.startAppliance();
  const chance = site.random.fork('writes');
  const write = (): void => {
    const disk = chance.integer(2);
    const offset = 4096 * chance.integer(diskPlans[disk]!.bytes / 4096);
    const bytes = new Uint8Array(4096).fill(1 + (site.history.length % 255));
    new DataView(bytes.buffer).setUint32(0, site.history.length + 1, true);
    site.write(disk, offset, bytes);
  };
  const world: ReplicaWorld = {
    clock: site.clock,
    network: site.network,
    facts: site.facts,
    plan: site.plan,
    scenario,
    get replica() {
      return site.receiver;
    },
    write: (count) => {
      for (let number = 0; number < count; number += 1) write();
    },
    startWorkload: () => site.startWorkload(() => writeGapMs),
    stopWorkload: () => site.stopWorkload(),
    writes: () => site.history.length,
    writesBy: (point) => site.writesBy(point),
    holds: (prefix) => site.matchingPrefixes().includes(prefix),
    loseChanges: (reason) => site.master.loseChanges(reason),
    killMasterEngine: () => site.killMasterEngine(),
    startMasterEngine: () => site.startMaster(),
    powerCycleMaster: async () => {
      site.killMasterEngine();
      site.network.powerOff('master');
      site.master.powerOff();
      await site.clock.advance(20_000);
      site.master.powerOn();
      site.network.powerOn('master');
      await site.startMaster();
    },
    crashAppliance: () => site.crashAppliance(),
  };
  return world;
});

replicaContract('SimulatedReplica', async (seed) => {
  const clock = new SimulatedClock();
  const network = new SimulatedNetwork({ clock, random: new SimulatedRandom(seed) });
  const workload = new SteadyWorkload({ clock, writesPerSecond: 1000 / writeGapMs });
  const source = new SimulatedSource({ clock, workload });
  const store = new SimulatedReplicaStore();
  const facts: ReplicaFact[] = [];
  let process: { readonly clock: ProcessClock; readonly replica: SimulatedReplica };
  const startAppliance = (): void => {
    const own = clock.process();
    const onFact = (_: unknown, fact: ReplicaFact): void => void facts.push(fact);
    process = { clock: own, replica: new SimulatedReplica({ clock: own, network, source, store, onFact }) };
  };
  startAppliance();
  const world: ReplicaWorld = {
    clock,
    network,
    facts,
    plan: { master: { host: 'master', port: 25_000 }, disks: diskPlans, method: 'volumeLevel' },
    scenario,
    get replica() {
      return process.replica;
    },
    write: (count) => workload.burst(count),
    startWorkload: () => workload.start(),
    stopWorkload: () => workload.stop(),
    writes: () => workload.count,
    writesBy: (point) => (point ? workload.writesBy(BigInt(point.atNs)) : 0),
    holds: (prefix) => {
      const image = process.replica.imageOf(scenario);
      return image !== undefined && image.consistent && image.prefix === prefix;
    },
    loseChanges: (reason) => source.loseChanges(reason),
    killMasterEngine: () => source.killEngine(),
    startMasterEngine: async () => source.startEngine(),
    powerCycleMaster: async () => {
      network.powerOff('master');
      source.boot();
      await clock.advance(20_000);
      network.powerOn('master');
      source.startEngine();
    },
    crashAppliance: () => {
      process.replica.kill();
      process.clock.kill();
      startAppliance();
    },
  };
  return world;
});
