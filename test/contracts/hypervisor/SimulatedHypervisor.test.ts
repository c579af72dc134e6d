import { describe, expect, test } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { registerAppliance } from '#simulators/hypervisor/model/appliance.ts';
import { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { hypervisorContract } from './suite.ts';

const credentials = { user: 'root', password: 'secret' };

function makeHost(given = credentials) {
  const clock = new SimulatedClock();
  const random = new SimulatedRandom(7);
  const model = new HypervisorModel({ clock, random, credentials, guestUpAfterMs: 1000 });
  registerAppliance(model, 'appliance');
  registerAppliance(model, 'other');
  const hypervisor = new SimulatedHypervisor({ model, clock, random, credentials: given });
  const awaited = new Set<Promise<unknown>>();
  let moving = false;
  const move = async (): Promise<void> => {
    if (moving) return;
    moving = true;
    while (awaited.size > 0) await clock.advance(20);
    moving = false;
  };
  /** Virtual time passes while somebody waits for an answer. */
  const settle = <Result>(answer: Promise<Result>): Promise<Result> => {
    awaited.add(answer);
    void move();
    return answer.finally(() => awaited.delete(answer));
  };
  return { clock, model, hypervisor, settle };
}

hypervisorContract('SimulatedHypervisor', async () => {
  const { clock, model, hypervisor, settle } = makeHost();
  return {
    hypervisor,
    clock,
    datastore: 'datastore1',
    network: 'VM Network',
    applianceVmName: 'appliance',
    otherVmName: 'other',
    settle,
    setGuestsUp: (up) => {
      model.guestsNeverUp = !up;
    },
    takeSnapshot: async (vmName) => {
      const vm = model.vms().find((one) => one.name === vmName);
      model.createSnapshot(vm?.id ?? '', { name: 'backup', description: '' });
    },
    dispose: async () => undefined,
  };
});

describe('planned failures', () => {
  const disk = { path: '[datastore1] a/b.vmdk', bytes: 4096 };
  const intent = (ticket: string): Intent => {
    return { ticket, scenarioId: scenarioId('4009412486'), epoch: 1, deadlineAtMs: Number.MAX_SAFE_INTEGER };
  };
  const faultOf = async (answer: Promise<unknown>): Promise<string> => {
    const thrown: unknown = await answer.then(
      () => 'no fault',
      (error: unknown) => error,
    );
    return thrown instanceof PartyFault ? `${thrown.fault.code} ${thrown.fault.effect}` : String(thrown);
  };

  test('before: nothing has happened', async () => {
    const { hypervisor, model, settle } = makeHost();
    hypervisor.fail({ method: 'createDisk', nth: 1, when: 'before' });
    expect(await faultOf(settle(hypervisor.createDisk(disk, intent('1'))))).toBe('unreachable none');
    expect(model.disks.find(disk.path)).toBeUndefined();
  });

  test('after: it has happened, and the same ticket gets the first answer', async () => {
    const { hypervisor, model, settle } = makeHost();
    hypervisor.fail({ method: 'createDisk', nth: 2, when: 'after' });
    await settle(hypervisor.createDisk({ ...disk, path: '[datastore1] other.vmdk' }, intent('1')));
    expect(await faultOf(settle(hypervisor.createDisk(disk, intent('2'))))).toBe('effectUnknown unknown');
    const uuid = model.disks.get(disk.path).uuid;
    expect(await settle(hypervisor.createDisk(disk, intent('2')))).toEqual({ ...disk, uuid });
    expect(hypervisor.callsOf('createDisk')).toBe(3);
  });

  test('wrong credentials are told and sent once: five logins would lock the account', async () => {
    const { hypervisor, model, settle } = makeHost({ user: 'root', password: 'wrong' });
    for (let call = 0; call < 6; call += 1) {
      expect(await faultOf(settle(hypervisor.inspect()))).toBe('badCredentials none');
    }
    expect(model.sessions.attempts).toBe(1);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      expect(() => model.sessions.login('root', 'wrong')).toThrow();
    }
    expect(model.sessions.locked).toBe(true);
  });
});

test('a site hears of children and of every disk that goes, and says what a child holds', async () => {
  const { hypervisor, model, settle } = makeHost();
  const heard: string[] = [];
  model.disks.contents = {
    childMade: (child, base) => heard.push(`${child.path} of ${base.path}`),
    bytesIn: () => 4096,
    deleted: (disk) => heard.push(`${disk.path} is gone`),
  };
  const intent = (ticket: string): Intent => {
    return { ticket, scenarioId: scenarioId('4009412486'), epoch: 1, deadlineAtMs: Number.MAX_SAFE_INTEGER };
  };
  const [base, child] = ['[datastore1] a.vmdk', '[datastore1] children/b.vmdk'];
  await settle(hypervisor.createDisk({ path: base, bytes: 8192 }, intent('1')));
  const vm = await settle(
    hypervisor.createVm(
      {
        name: 'double',
        role: 'substituteVm',
        cpus: 1,
        memoryMiB: 64,
        firmware: 'bios',
        datastore: 'datastore1',
        disks: [{ path: child, childOf: base }],
        nics: [],
      },
      intent('2'),
    ),
  );
  expect(model.disks.get(child)).toMatchObject({ bytes: 8192, parent: base });
  await settle(hypervisor.unregisterVm(vm, intent('3')));
  expect(await settle(hypervisor.deleteChildDisk({ path: child }, intent('4')))).toEqual({ discardedBytes: 4096 });
  expect(heard).toEqual([`${child} of ${base}`, `${child} is gone`]);
});
