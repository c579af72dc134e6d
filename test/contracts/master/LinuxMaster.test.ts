import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LinuxMaster, type LinuxMasterOptions } from '#engine/adapters/master/LinuxMaster.ts';
import { LoopDisk, noLoopDisksBecause } from './loopDisk.ts';
import { faultOf, masterContract, type MasterWorld } from './suite.ts';
import { machineClock } from './testClock.ts';

const bytes = 8 * 1024 * 1024 + 3 * 512;
const instances = '/sys/kernel/tracing/instances';

type LoopWorld = MasterWorld & { readonly options: LinuxMasterOptions; readonly master: LinuxMaster };

async function build(extra: Partial<LinuxMasterOptions> = {}): Promise<LoopWorld> {
  const loops = [new LoopDisk(bytes), new LoopDisk(bytes)] as const;
  const find = (diskId: string): LoopDisk => loops.find((loop) => loop.device === diskId)!;
  const options: LinuxMasterOptions = {
    disks: loops.map((loop) => loop.device),
    systemDisk: loops[0].device,
    clock: machineClock,
    traceName: `contract${process.pid}`,
    ...extra,
  };
  return {
    options,
    master: new LinuxMaster(options),
    clock: machineClock,
    disks: [loops[0].device, loops[1].device],
    bytes,
    write: (diskId, offset, content) => find(diskId).write(offset, content),
    removeDisk: (diskId) => find(diskId).detach(),
    shrinkDisk: (diskId, size) => find(diskId).shrink(size),
    restartEngine: () => new LinuxMaster(options),
    tearDown: async () => {
      for (const loop of loops) loop.remove();
    },
  };
}

if (noLoopDisksBecause === undefined) {
  masterContract('LinuxMaster on loop devices', build);
} else {
  describe.skip(`Master, LinuxMaster on loop devices (${noLoopDisksBecause})`, () => it('needs root', () => {}));
}

describe.skipIf(noLoopDisksBecause !== undefined)('LinuxMaster', () => {
  it('says why it cannot trace, and describes itself as comparing', async () => {
    const world = await build({ traceFolder: '/noSuchFolder' });
    const fault = await faultOf(world.master.trackChanges([world.disks[0]]));
    const { changeSource } = await world.master.describe();
    await world.tearDown();
    expect(fault?.code).toBe('traceNotPermitted');
    expect(fault?.params['reason']).toContain('ENOENT');
    expect(changeSource).toBe('compare');
  });

  it('removes the ring a killed engine left behind, keeps the ring of a living one, and cleans up after itself', async () => {
    const world = await build();
    const stale = `${instances}/kagemusha-${world.options.traceName}-7`;
    mkdirSync(stale);
    const first = await world.master.trackChanges([world.disks[0]]);
    expect(existsSync(stale)).toBe(false);
    const second = await world.restartEngine().trackChanges([world.disks[0]]);
    world.write(world.disks[0], 0, new Uint8Array(4096).fill(1));
    expect(first.drain().ranges).toEqual(second.drain().ranges);
    await first.close();
    await second.close();
    await world.tearDown();
    expect(readdirSync(instances).filter((name) => name.includes(world.options.traceName!))).toEqual([]);
  });
});
