import { beforeEach, describe, expect, it } from 'vitest';
import { rehearseSwitchback } from '#machines/switchback/rehearseSwitchback.ts';
import { switchbackCommands, switchbackRefusal, whileSwitchingBackRefusal } from '#machines/switchback/refusals.ts';
import {
  differingDisks,
  mappingRefusal,
  proposeMapping,
  verifyTarget,
  volumesRefusal,
} from '#machines/switchback/target.ts';
import { SimulatedBareMetal } from '#simulators/bareMetal/SimulatedBareMetal.ts';
import { SimulatedBlocks } from '#simulators/replicaDisk/simulatedBlocks.ts';
import { ReturnSite } from './returnSite.ts';
import { definition, input, machine, MiB, source, switchbackChart } from './switchbackChart.ts';

const confirmation = { hardwareId: 'hw-1', mapping: [{ diskId: '/dev/sda', serial: 'empty' }] };

let vmDisk: SimulatedBlocks;
let kit: SimulatedBareMetal;
let vmPower: 'on' | 'off';
let plugged: boolean;
let answering: readonly { readonly address: string; readonly by: string }[];
let site: ReturnSite;

beforeEach(() => {
  vmDisk = new SimulatedBlocks(MiB);
  vmDisk.write(0, new Uint8Array(4096).fill(1));
  [vmPower, plugged, answering] = ['on', true, []];
  site = new ReturnSite(switchbackChart(), input(), (clock, tell) => {
    kit = new SimulatedBareMetal({
      clock,
      tell,
      machine,
      sourceDisk: () => vmDisk,
      attachedDisk: () => vmDisk,
      copyMs: 30_000,
    });
    return { bareMetal: kit };
  });
  Object.assign(site.script, {
    'master.describe': source,
    'hypervisor.powerOffVm': () => {
      // The guest writes once more on its way down.
      vmDisk.write(8192, new Uint8Array(4096).fill(9));
      vmPower = 'off';
    },
    'hypervisor.powerOnVm': () => {
      vmPower = 'on';
    },
    'hypervisor.describeVm': () => ({ power: vmPower, nics: [{ connected: plugged }] }),
    'hypervisor.setNicsConnected': (asked: { readonly connected: boolean }) => {
      plugged = asked.connected;
    },
    'addresses.probe': () => ({ answers: answering, askedAtMs: site.clock.nowMs() }),
    'hypervisor.attachDisk': { wwn: '6', expectBytes: MiB },
    'guard.describe': () => {
      if (!kit.guard) throw new Error('silent');
      return { ...kit.guard, armed: true, isolation: 'firewall' };
    },
    'guard.rejoin': () => {
      if (kit.guard) kit.guard.isolated = false;
    },
  });
});

async function reverse(): Promise<void> {
  await site.tell('operator.reverse', { target: { host: 'kit', port: 25_000 } });
  await site.tell('operator.confirmMapping', confirmation);
}

describe('reverse replication and switchback on a simulated machine', () => {
  it('brings the system back: VM off, last write copied, digests equal, network last (guide 11.1, 11.2)', async () => {
    await site.tell('operator.reverse', { target: { host: 'kit', port: 25_000 } });
    expect(site.state).toBe('awaitingMapping');
    expect(kit.contentOf('empty')).toBeUndefined();
    await site.tell('operator.confirmMapping', confirmation);
    expect(site.state).toBe('reverseReplicating.connected');
    expect(kit.contentOf('used')).toBeUndefined();
    await site.tell('operator.switchback');
    expect(site.state).toBe('switchedBack');
    expect([vmPower, kit.guard?.isolated]).toEqual(['off', false]);
    expect(kit.contentOf('empty')?.equals(vmDisk)).toBe(true);
    expect(site.wishes.at(-1)).toBe('guard.rejoin');
    expect(site.codes).toEqual(expect.arrayContaining(['substituteVmOff', 'switchbackCompleted', 'scenarioStopped']));
  });

  it('refreshes the volumes before Run is possible again (guide 11.2-4 … 11.2-7)', async () => {
    await reverse();
    await site.tell('operator.switchback');
    site.script['master.describe'] = { ...source, disks: [{ diskId: '/dev/nvme0n1', bytes: 2 * MiB, system: true }] };
    await site.tell('operator.refreshVolumes');
    expect(site.snapshot.context.volumeRefresh.changes).toEqual([
      { diskId: '/dev/sda', change: 'missing', bytesBefore: MiB },
      { diskId: '/dev/nvme0n1', change: 'added', bytesNow: 2 * MiB },
    ]);
    await site.tell('operator.confirmVolumes', { diskIds: ['/dev/sda'] });
    expect([site.state, site.codes.at(-1)]).toEqual(['refreshingVolumes.awaitingConfirmation', 'volumesRefused']);
    await site.tell('operator.confirmVolumes', { diskIds: ['/dev/nvme0n1'] });
    expect(site.state).toBe('stopped');
    expect(site.snapshot.context).toMatchObject({ substituteVmId: undefined, synchronized: false });
    expect(site.snapshot.context.definition.master.disks.map(({ diskId }: { diskId: string }) => diskId)).toEqual([
      '/dev/nvme0n1',
    ]);
  });

  it('undoes when the machine does not come up, and waits for the operator while nothing proves it off', async () => {
    await reverse();
    kit.boots = false;
    await site.tell('operator.switchback', {}, 3_600_000);
    expect([site.state, vmPower]).toEqual(['undoingSwitchback.awaitingTargetOff', 'off']);
    await site.tell('operator.confirmTargetOff', { hardwareId: 'another' });
    expect(vmPower).toBe('off');
    await site.tell('operator.confirmTargetOff', { hardwareId: 'hw-1' });
    expect([site.state, vmPower]).toEqual(['switchedOver', 'on']);
  });

  it('undoes by itself when the final comparison differs: the kit answers, so nothing has booted', async () => {
    await reverse();
    kit.loseWrites = true;
    await site.tell('operator.switchback');
    expect([site.state, vmPower, kit.state]).toEqual(['switchedOver', 'on', 'kit']);
    expect(site.codes).toContain('switchbackDiffers');
  });

  it('undoes without plugging the substitute VM in while somebody answers for the production addresses', async () => {
    await reverse();
    kit.loseWrites = true;
    answering = [{ address: '192.0.2.10', by: 'somebody' }];
    await site.tell('operator.switchback');
    expect([site.state, vmPower, plugged]).toEqual(['undoingSwitchback.addressAlive', 'on', false]);
    answering = [];
    await site.clock.advance(30_000);
    expect([site.state, plugged]).toEqual(['switchedOver', true]);
  });

  it('asks the operator when the guest does not shut down, and takes its power only when told to', async () => {
    await reverse();
    const off = site.script['hypervisor.powerOffVm'] as () => void;
    site.script['hypervisor.powerOffVm'] = 'hypervisorRefused';
    await site.tell('operator.switchback');
    expect(site.state).toBe('switchingBack.vmStillOn');
    site.script['hypervisor.powerOffVm'] = off;
    await site.tell('operator.switchback', { hard: true });
    expect(site.state).toBe('switchedBack');
  });

  it('goes on after a restart of the appliance at any moment', async () => {
    await site.tell('operator.reverse', { target: { host: 'kit', port: 25_000 } }, 20);
    await site.restart();
    await site.clock.advance(60_000);
    await site.tell('operator.confirmMapping', confirmation, 10_000);
    await site.restart();
    await site.clock.advance(60_000);
    expect(site.state).toBe('reverseReplicating.connected');
    await site.tell('operator.switchback', {}, 10);
    await site.restart();
    await site.clock.advance(60_000);
    expect(site.state).toBe('switchedBack');
  });

  it('adopts what was done when only the answers were lost', async () => {
    for (const method of ['receive', 'finish', 'restart'] as const) kit.fail({ method, nth: 1, when: 'after' });
    await reverse();
    await site.tell('operator.switchback');
    expect(site.state).toBe('switchedBack');
  });

  it('keeps the substitute VM serving when the stream breaks for good, and lets the operator stop', async () => {
    await reverse();
    kit.disconnect('cable');
    expect(site.state).toBe('reverseReplicating.disconnected');
    expect(await site.tell('operator.switchback')).toBe(false);
    kit.reconnect();
    await site.tell('operator.stop');
    expect([site.state, vmPower]).toEqual(['switchedOver', 'on']);
  });

  it('refuses aloud an engine that is not capable of it', async () => {
    const plain = new ReturnSite(switchbackChart(), { ...input(), capabilities: [] }, () => ({}));
    expect(await plain.tell('operator.reverse', { target: { host: 'kit', port: 25_000 } })).toBe(false);
    expect(switchbackRefusal('reverse', 'switchedOver').code).toBe('capabilityMissing');
  });

  it('says why for every command in every state', () => {
    for (const command of switchbackCommands)
      for (const state of [
        'stopped',
        'replicating',
        'switchedOver',
        'awaitingMapping',
        'switchingBack',
        'switchedBack',
      ])
        expect(switchbackRefusal(command, state).ja.length).toBeGreaterThan(3);
    expect(whileSwitchingBackRefusal('run', 'switchedBack')?.code).toBe('volumesNotRefreshed');
    expect(whileSwitchingBackRefusal('edit', 'reverseReplicating')).toBeDefined();
    expect(whileSwitchingBackRefusal('run', 'stopped')).toBeUndefined();
  });

  it('rehearses a switchback without a deed', async () => {
    const facts = { chart: switchbackChart(), machine, atMs: 0 };
    const early = rehearseSwitchback({ ...facts, snapshot: site.snapshot });
    expect(early.answer).toMatchObject({ accepted: false, code: 'notReverseReplicating' });
    await reverse();
    const voiced = site.wishes.length;
    const { answer, findings, wishes, endsIn } = rehearseSwitchback({ ...facts, snapshot: site.snapshot });
    expect([answer.accepted, findings, endsIn, site.wishes.length]).toEqual([true, [], 'switchedBack', voiced]);
    expect(wishes?.map(({ name }) => name)).toEqual([
      'hypervisor.powerOffVm',
      'hypervisor.describeVm',
      'hypervisor.setNicsConnected',
      'hypervisor.attachDisk',
      'bareMetal.finish',
      'hypervisor.detachDisk',
      'bareMetal.restart',
      'guard.describe',
      'master.describe',
      'guard.disarm',
      'guard.rejoin',
    ]);
    const other = rehearseSwitchback({
      ...facts,
      machine: { ...machine, hardwareId: 'hw-2' },
      snapshot: site.snapshot,
    });
    expect(other.findings.map(({ code }) => code)).toEqual(['targetUnproven']);
  });
});

describe('the machine to be restored', () => {
  const disks = definition.master.disks;
  const codesOf = (changes: object) =>
    verifyTarget({ machine: { ...machine, ...changes }, source, disks, engineVersion: '1' }).errors.map(
      ({ code }) => code,
    );

  it('is refused for smaller or fewer disks, another firmware, an old kit', () => {
    expect(codesOf({})).toEqual([]);
    expect(codesOf({ disks: machine.disks.slice(0, 1) })).toEqual(['targetTooSmall']);
    expect(codesOf({ disks: [] })).toEqual(['targetTooSmall']);
    expect(codesOf({ firmware: 'efi' })).toEqual(['firmwareDiffers']);
    expect(codesOf({ kitVersion: '0' })).toEqual(['bootKitStale']);
  });

  it('is proposed the smallest disk that fits, an empty one first, and warned of an operating system', () => {
    expect(proposeMapping({ machine, disks })).toEqual([{ diskId: '/dev/sda', serial: 'empty', bytes: MiB }]);
    const only = { ...machine, disks: machine.disks.filter(({ serial }) => serial === 'used') };
    const { errors, warnings } = verifyTarget({ machine: only, source, disks, engineVersion: '1' });
    expect([errors, warnings.map(({ code }) => code)]).toEqual([[], ['holdsOperatingSystem']]);
  });

  it.each([
    ['another machine', { ...confirmation, hardwareId: 'hw-2' }],
    ['a disk that is too small', { ...confirmation, mapping: [{ diskId: '/dev/sda', serial: 'small' }] }],
    ['a serial nobody has', { ...confirmation, mapping: [{ diskId: '/dev/sda', serial: 'x' }] }],
    ['a disk left out', { ...confirmation, mapping: [] }],
    ['nothing', {}],
  ])('is not written to on a confirmation of %s', (_what, given) => {
    expect(mappingRefusal({ machine, disks }, given)).toBeDefined();
    expect(mappingRefusal({ machine, disks }, confirmation)).toBeUndefined();
  });

  it('is equal only where both digests were taken', () => {
    const mapping = proposeMapping({ machine, disks });
    const digest = { diskId: '/dev/sda', serial: 'empty', source: 'a', target: 'a' };
    expect(differingDisks(mapping, [digest])).toEqual([]);
    for (const digests of [
      [],
      [{ ...digest, target: 'b' }],
      [{ ...digest, source: '', target: '' }],
      [{ ...digest, serial: 'used' }],
    ])
      expect(differingDisks(mapping, digests)).toEqual(['/dev/sda']);
  });

  it('is protected with its system volume only (R4)', () => {
    expect(volumesRefusal(source, ['/dev/sda'])).toBeUndefined();
    for (const diskIds of [[], ['/dev/x'], ['/dev/sda', '/dev/sda']])
      expect(volumesRefusal(source, diskIds)).toBeDefined();
  });
});
