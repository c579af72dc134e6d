import { describe, expect, it } from 'vitest';
import { HypervisorConnections } from '#engine/appliance/HypervisorConnections.ts';
import { Secrets } from '#engine/appliance/Secrets.ts';
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
