import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVm, self, startBench } from './soapClient.ts';

let bench: Awaited<ReturnType<typeof startBench>>;
beforeAll(async () => {
  bench = await startBench({ onCall: (method) => (method === 'RefreshDatastore' ? 'loseAnswer' : 'answer') });
});
afterAll(() => bench.close());

const collector = self('PropertyCollector', 'ha-property-collector');
const idOf = (body: string): string => /<returnval[^>]*>([^<]+)</.exec(body)?.[1] ?? '';

test('a container view lists the inventory in pages', async () => {
  const { client } = bench;
  const view = idOf(
    (
      await client.call(
        'CreateContainerView',
        `${self('ViewManager', 'ViewManager')}<container type="Folder">ha-folder-root</container>` +
          '<type>VirtualMachine</type><type>Datastore</type><recursive>true</recursive>',
      )
    ).body,
  );
  const first = await client.call(
    'RetrievePropertiesEx',
    `${collector}<specSet><propSet><type>ManagedEntity</type><pathSet>name</pathSet></propSet><objectSet>` +
      `<obj type="ContainerView">${view}</obj><skip>true</skip><selectSet x:type="TraversalSpec"><name>all</name>` +
      `<type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></specSet>` +
      '<options><maxObjects>1</maxObjects></options>',
  );
  const token = /<token>([^<]+)</.exec(first.body)?.[1];
  const second = await client.call('ContinueRetrievePropertiesEx', `${collector}<token>${token}</token>`);
  const names = [first, second].map(({ body }) => /<val xsi:type="xsd:string">([^<]+)</.exec(body)?.[1]);
  expect(names.sort()).toEqual(['appliance', 'datastore1']);
  expect(second.body).not.toContain('<token>');
  expect((await client.call('DestroyView', self('ContainerView', view))).status).toBe(200);
});

test('WaitForUpdatesEx tells what changed, from the version that the client has seen', async () => {
  const { client, simulator } = bench;
  const made = await client.task('CreateVM_Task', createVm('watched', ''));
  const id = /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '';
  const own = self('PropertyCollector', idOf((await client.call('CreatePropertyCollector', collector)).body));
  await client.call(
    'CreateFilter',
    `${own}<spec><propSet><type>VirtualMachine</type><pathSet>runtime.powerState</pathSet></propSet>` +
      `<objectSet><obj type="VirtualMachine">${id}</obj></objectSet></spec><partialUpdates>false</partialUpdates>`,
  );
  const wait = (version: string, seconds: number): Promise<{ body: string }> =>
    client.call(
      'WaitForUpdatesEx',
      `${own}<version>${version}</version><options><maxWaitSeconds>${seconds}</maxWaitSeconds></options>`,
    );
  const first = await wait('', 5);
  expect(first.body).toMatch(/<version>1<.*<kind>enter<.*<val xsi:type="VirtualMachinePowerState">poweredOff</s);
  expect((await wait('1', 0)).body).toContain(
    '<WaitForUpdatesExResponse xmlns="urn:vim25"></WaitForUpdatesExResponse>',
  );
  const waiting = wait('1', 20);
  await client.call('PowerOnVM_Task', self('VirtualMachine', id));
  expect((await waiting).body).toMatch(/<version>2<.*<kind>modify<.*>poweredOn</s);
  // The answer may have been lost: the version before is answered again.
  expect((await wait('1', 20)).body).toContain('>poweredOn<');
  expect((await wait('77', 0)).body).toContain('<InvalidCollectorVersionFault');
  simulator.model.powerOff(id);
  simulator.model.unregisterVm(id);
  expect((await wait('2', 20)).body).toContain('<kind>leave</kind>');
  expect((await client.call('DestroyPropertyCollector', own)).status).toBe(200);
});

test('a VM does one thing at a time, and refuses what its power state forbids', async () => {
  const { client } = bench;
  const made = await client.task('CreateVM_Task', createVm('busy', ''));
  const vm = self('VirtualMachine', /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '');
  expect(await client.task('PowerOnVM_Task', vm)).toContain('<state>success</state>');
  expect(await client.task('PowerOnVM_Task', vm)).toMatch(
    /<requestedState>poweredOn<\/requestedState><existingState>poweredOn</,
  );
  expect((await client.call('UnregisterVM', vm)).body).toContain('<InvalidPowerStateFault');
  const both = await Promise.all([client.call('PowerOffVM_Task', vm), client.call('PowerOffVM_Task', vm)]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 500]);
  expect(both.map(({ body }) => body).join('')).toMatch(/<TaskInProgressFault.*<task type="Task">haTask-/s);
});

test('a lost answer ends the connection after the effect', async () => {
  const id = bench.simulator.model.disks.datastores[0]?.id ?? '';
  await expect(bench.client.call('RefreshDatastore', self('Datastore', id))).rejects.toThrow(/hang up|ECONNRESET/);
});
