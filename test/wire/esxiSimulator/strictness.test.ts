import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVm, reconfigure, self, send, SoapClient, startBench } from './soapClient.ts';

let bench: Awaited<ReturnType<typeof startBench>>;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.close());

const disk = (inner: string): string =>
  reconfigure(
    '1',
    `<deviceChange><operation>add</operation><device x:type="VirtualDisk"><key>-1</key>${inner}</device></deviceChange>`,
  );

test('elements out of the schema order are refused', async () => {
  const { status, body } = await bench.client.call(
    'ReconfigVM_Task',
    disk('<unitNumber>0</unitNumber><controllerKey>1000</controllerKey><capacityInKB>0</capacityInKB>'),
  );
  expect(status).toBe(500);
  expect(body).toContain('<InvalidRequestFault');
  expect(body).toContain('Unexpected element tag &quot;controllerKey&quot; seen');
  expect(body).toContain('while parsing serialized DataObject of type vim.vm.device.VirtualDisk');
});

test('unknown elements, missing required ones and wrong types are refused', async () => {
  const { client } = bench;
  expect((await client.call('ReconfigVM_Task', reconfigure('1', '<nameX>a</nameX>'))).body).toContain(
    'Unexpected element tag &quot;nameX&quot;',
  );
  const missing = await client.call('ReconfigVM_Task', disk('<controllerKey>1000</controllerKey>'));
  expect(missing.body).toContain('Required property capacityInKB is missing');
  const wrong = await client.call(
    'ReconfigVM_Task',
    reconfigure('1', '<deviceChange><device x:type="VirtualMachineFileInfo"/></deviceChange>'),
  );
  expect(wrong.body).toContain('<InvalidTypeFault');
  expect((await client.call('ReconfigVM_Task', reconfigure('1', '<numCPUs>many</numCPUs>'))).body).toContain(
    '<InvalidRequestFault',
  );
});

test('what is newer than the announced version is refused, and not sent', async () => {
  const client = new SoapClient(bench.simulator.port);
  client.version = '5.5';
  await client.login();
  const newer = await client.call('ReconfigVM_Task', reconfigure('1', '<createDate>2026-01-01T00:00:00Z</createDate>'));
  expect(newer.body).toContain('Unexpected element tag &quot;createDate&quot;');
  expect(await client.property('Datastore', bench.simulator.model.disks.datastores[0]?.id ?? '', 'info')).not.toContain(
    'maxMemoryFileSize',
  );
  client.version = '9.9';
  const unknown = await client.call('CurrentTime', self('ServiceInstance', 'ServiceInstance'));
  expect(unknown.body).toContain('<faultcode>VersionMismatchFaultCode</faultcode>');
  expect(unknown.body).toContain('Unsupported version URI &quot;urn:vim25/9.9&quot;');
});

test('unknown methods and objects, and text that is no XML, each have their answer', async () => {
  const { client } = bench;
  const unknown = await client.call('MakeCoffee', self('ServiceInstance', 'ServiceInstance'));
  expect(unknown.body).toContain('Unable to resolve WSDL method name MakeCoffee for namespace name urn:vim25');
  const gone = await client.call('PowerOnVM_Task', self('VirtualMachine', '999'));
  expect(gone.body).toMatch(/<ManagedObjectNotFoundFault.*<obj type="VirtualMachine">999</s);
  const foreign = await client.call('PowerOnVM_Task', self('HostSystem', 'ha-host'));
  expect(foreign.body).toContain('<InvalidRequestFault');
  const malformed = await send(client.port, '/sdk', {
    method: 'POST',
    headers: { SOAPAction: 'urn:vim25/6.7.1' },
    body: '<a><b></a>',
  });
  expect(malformed.body).toContain('<faultcode>ClientFaultCode</faultcode>');
  expect(malformed.body).not.toContain('<detail>');
});

test('a property that the schema does not know is InvalidProperty', async () => {
  const answer = await bench.client.call(
    'RetrievePropertiesEx',
    `${self('PropertyCollector', 'ha-property-collector')}<specSet><propSet><type>VirtualMachine</type>` +
      `<pathSet>config.colour</pathSet></propSet><objectSet><obj type="VirtualMachine">1</obj></objectSet></specSet><options/>`,
  );
  expect(answer.body).toMatch(/<InvalidPropertyFault.*<name>config.colour</s);
});

test('two VMs of one name are refused by a fault of the task', async () => {
  const { client } = bench;
  expect(await client.task('CreateVM_Task', createVm('twin', ''))).toMatch(
    /<result type="VirtualMachine" xsi:type="ManagedObjectReference">\d+<\/result>/,
  );
  const again = await client.task('CreateVM_Task', createVm('twin', ''));
  expect(again).toMatch(/<error><fault xsi:type="DuplicateName"><name>twin<\/name><object type="VirtualMachine">/);
});
