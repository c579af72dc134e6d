import { describe, expect, it } from 'vitest';
import { HypervisorConnections } from '#engine/appliance/HypervisorConnections.ts';
import { Secrets } from '#engine/appliance/Secrets.ts';
import type { Hypervisor, VmSpec, VmState } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

const place: ScenarioDefinition['hypervisor'] = {
  host: 'esxi',
  port: 443,
  user: 'root',
  secretName: 'esxi',
  certificateSha256: '0'.repeat(64),
  datastore: 'datastore1',
};

async function bench(typedPassword: string) {
  const clock = new SimulatedClock();
  const random = new SimulatedRandom('connections');
  const credentials = { user: 'root', password: 'right' };
  const model = new HypervisorModel({
    clock,
    random,
    credentials,
    datastores: [],
    networks: [],
    resourcePools: [],
    guestUpAfterMs: 0,
    isGuestModelled: () => true,
  });
  const secrets = new Secrets(new SimulatedFiles(), '/secrets');
  await secrets.put('esxi', typedPassword);
  const connections = new HypervisorConnections(
    (_, password) => new SimulatedHypervisor({ model, clock, random, credentials: { user: 'root', password } }),
    secrets,
  );
  const codeOf = async (asked: Promise<unknown>): Promise<string> => {
    const answer = asked.then(
      () => 'done',
      (thrown: unknown) => (thrown as { fault: { code: string } }).fault.code,
    );
    await clock.advance(1_000);
    return answer;
  };
  return { model, secrets, connections, codeOf };
}

const intent = (scenario: string): Intent => ({
  ticket: 'ticket',
  scenarioId: scenarioId(scenario),
  epoch: 1,
  deadlineAtMs: Number.MAX_SAFE_INTEGER,
});

/** A host whose creations and look-ups end when the test says so, and which writes down what it hears. */
async function slowHost() {
  const heard: string[] = [];
  const creations = new Map<string, { readonly end: (vm: VmState) => void; readonly fail: (reason: Error) => void }>();
  const slow = (connection: number): Hypervisor =>
    new Proxy({} as Hypervisor, {
      get:
        (_, method: string) =>
        (args: unknown, { scenarioId: scenario }: Partial<Intent> = {}) => {
          heard.push(`${connection} ${method} ${scenario ?? ''}`.trim());
          if (method !== 'createVm') return Promise.resolve();
          return new Promise<VmState>((end, fail) => creations.set(String(scenario), { end, fail }));
        },
    });
  const secrets = new Secrets(new SimulatedFiles(), '/secrets');
  await secrets.put('esxi', 'right');
  let opened = 0;
  const connections = new HypervisorConnections(() => slow((opened += 1)), secrets);
  const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  return { heard, creations, secrets, connections, settled };
}

const spec: VmSpec = {
  name: 'double',
  role: 'substituteVm',
  cpus: 1,
  memoryMiB: 64,
  firmware: 'bios',
  datastore: 'datastore1',
  disks: [],
  nics: [],
};
const made: VmState = { vmId: '2', name: 'double', power: 'off', diskPaths: [], nics: [], snapshots: 0 };

describe('the changes of a scenario', () => {
  it('wait for the one under way, also on a new connection; other scenarios and questions do not', async () => {
    const { heard, creations, secrets, connections, settled } = await slowHost();
    const creation = connections.of('1000000001', place).createVm(spec, intent('1000000001'));
    await secrets.put('esxi', 'typed again');
    const mine = connections.of('1000000001', place);
    const off = mine.powerOffVm({ vmId: '2', how: 'hard' }, intent('1000000001'));
    const away = mine.unregisterVm({ vmId: '2' }, intent('1000000001'));
    void mine.describeVm({ vmId: '2' });
    void connections.of('1000000002', place).powerOffVm({ vmId: '3', how: 'hard' }, intent('1000000002'));
    await settled();
    expect(heard).toEqual(['1 createVm 1000000001', '2 describeVm', '2 powerOffVm 1000000002']);
    heard.length = 0;
    creations.get('1000000001')?.end(made);
    expect(await creation).toEqual(made);
    await Promise.all([off, away]);
    expect(heard).toEqual(['1 close', '2 powerOffVm 1000000001', '2 unregisterVm 1000000001']);
  });

  it('go on after one that failed', async () => {
    const { heard, creations, connections, settled } = await slowHost();
    const mine = connections.of('1000000001', place);
    const creation = mine.createVm(spec, intent('1000000001'));
    const away = mine.unregisterVm({ vmId: '2' }, intent('1000000001'));
    await settled();
    creations.get('1000000001')?.fail(new Error('the host is gone'));
    await expect(creation).rejects.toThrow('the host is gone');
    await away;
    expect(heard).toEqual(['1 createVm 1000000001', '1 unregisterVm 1000000001']);
  });
});

describe('the connections to hypervisors', () => {
  it('are shared by the scenarios of a host: one wrong password is one failed login', async () => {
    const { model, connections, codeOf } = await bench('wrong');
    for (const scenario of ['1', '2', '3', '4', '5', '6']) {
      const datastore = `datastore${scenario}`;
      expect(await codeOf(connections.of(scenario, { ...place, datastore }).inspect())).toBe('badCredentials');
    }
    expect(await codeOf(connections.inspect(place))).toBe('badCredentials');
    expect([model.sessions.attempts, model.sessions.locked]).toEqual([1, false]);
  });

  it('begin anew when the password is typed again, and end their session when nobody uses them', async () => {
    const { model, secrets, connections, codeOf } = await bench('right');
    for (const scenario of ['1', '2']) expect(await codeOf(connections.of(scenario, place).inspect())).toBe('done');
    expect(model.sessions.count).toBe(1);
    await secrets.put('esxi', 'right');
    expect(await codeOf(connections.of('1', place).inspect())).toBe('done');
    expect(model.sessions.count).toBe(2);
    expect(await codeOf(connections.of('2', place).inspect())).toBe('done');
    expect(model.sessions.count).toBe(1);
  });

  it('of somebody who only looks end with the look', async () => {
    const { model, connections, codeOf } = await bench('right');
    expect(await codeOf(connections.inspect(place))).toBe('done');
    expect([model.sessions.attempts, model.sessions.count]).toEqual([1, 0]);
  });
});
