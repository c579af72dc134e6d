import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LinuxMaster, type LinuxMasterOptions } from '#engine/adapters/master/LinuxMaster.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { LoopDisk, noLoopDisksBecause } from './loopDisk.ts';
import { faultOf, masterContract, type MasterWorld } from './suite.ts';
import { machineClock } from './testClock.ts';

const bytes = 8 * 1024 * 1024 + 3 * 512;
const instances = '/sys/kernel/tracing/instances';

type LoopWorld = MasterWorld & { readonly options: LinuxMasterOptions; readonly master: LinuxMaster };

async function build(extra: Partial<LinuxMasterOptions> = {}): Promise<LoopWorld> {
  const loops = [new LoopDisk(bytes), new LoopDisk(bytes)] as const;
  const stateFolder = mkdtempSync(join(tmpdir(), 'kagemusha-state-'));
  const find = (diskId: string): LoopDisk => loops.find((loop) => loop.device === diskId)!;
  const options: LinuxMasterOptions = {
    disks: loops.map((loop) => loop.device),
    systemDisk: loops[0].device,
    productionInterfaces: [],
    stateFolder,
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
      rmSync(stateFolder, { recursive: true });
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

  it('takes a real interface down and up again', async (context) => {
    const nic = `kgm${process.pid}`.slice(0, 15);
    try {
      execFileSync('ip', ['link', 'add', nic, 'type', 'bridge'], { stdio: 'ignore' });
    } catch {
      context.skip('no network interface can be made here');
    }
    const isUp = (): boolean => (Number(readFileSync(`/sys/class/net/${nic}/flags`, 'utf8')) & 1) === 1;
    const states: boolean[] = [];
    const world = await build({ productionInterfaces: [nic] });
    try {
      execFileSync('ip', ['link', 'set', 'dev', nic, 'up']);
      states.push(isUp());
      await world.master.isolate(isolateIntent());
      states.push(isUp());
      // A restart of the host brings interfaces up; the engine takes them down again.
      execFileSync('ip', ['link', 'set', 'dev', nic, 'up']);
      const restarted = new LinuxMaster(world.options);
      await restarted.enforceIsolation();
      states.push(isUp());
      await restarted.rejoin(isolateIntent());
      states.push(isUp());
    } finally {
      execFileSync('ip', ['link', 'del', nic]);
      await world.tearDown();
    }
    expect(states).toEqual([true, false, false, true]);
  });

  it('reports an interface that does not go down, and stays isolated on record', async () => {
    const world = await build({ productionInterfaces: ['noSuchNic'] });
    const fault = await faultOf(world.master.isolate(isolateIntent()));
    const isolated = world.master.isIsolated();
    await world.tearDown();
    expect(fault).toMatchObject({ code: 'internal', effect: 'unknown' });
    expect(fault?.params['reason']).toContain('noSuchNic');
    expect(isolated).toBe(true);
  });
});

const isolateIntent = (): Intent => ({
  ticket: 'isolate-1',
  scenarioId: scenarioId('1111111111'),
  epoch: 1,
  deadlineAtMs: Date.now() + 60_000,
});
