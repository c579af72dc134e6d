import { afterEach, beforeEach, expect, test } from 'vitest';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { self, send, SoapClient, startBench } from './soapClient.ts';

let bench: Awaited<ReturnType<typeof startBench>>;
let clock: SimulatedClock;

beforeEach(async () => {
  clock = new SimulatedClock();
  bench = await startBench({ clock });
});
afterEach(() => bench.close());

const currentTime = self('ServiceInstance', 'ServiceInstance');

test('the versions are told without a session, newest first', async () => {
  const { status, body } = await send(bench.simulator.port, '/sdk/vimServiceVersions.xml');
  expect(status).toBe(200);
  expect(body).toContain('<name>urn:vim25</name><version>6.7.1</version><priorVersions><version>6.7</version>');
});

test('login sets a cookie whose quotes belong to the value, and logout ends the session', async () => {
  const client = new SoapClient(bench.simulator.port);
  const login = await client.login();
  expect(login.status).toBe(200);
  expect(login.cookie).toMatch(/^vmware_soap_session="[^"]+"$/);
  expect((await client.call('CurrentTime', currentTime)).status).toBe(200);
  const before = client.cookie;
  await client.call('Logout', self('SessionManager', 'ha-sessionmgr'));
  client.cookie = before;
  expect((await client.call('CurrentTime', currentTime)).body).toContain('<NotAuthenticatedFault');
});

test('five wrong passwords lock the account for 900 s, for the right password too', async () => {
  const client = new SoapClient(bench.simulator.port);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const { status, body } = await client.login('wrong');
    expect(status).toBe(500);
    expect(body).toContain('<InvalidLoginFault xmlns="urn:vim25" xsi:type="InvalidLogin">');
  }
  expect((await client.login()).status).toBe(500);
  await clock.advance(899_000);
  expect((await client.login()).status).toBe(500);
  await clock.advance(2000);
  expect((await client.login()).status).toBe(200);
});

test('an idle session dies after 30 minutes, in two forms', async () => {
  const { client } = bench;
  await clock.advance(29 * 60_000);
  expect((await client.call('CurrentTime', currentTime)).status).toBe(200);
  await clock.advance(31 * 60_000);
  const plain = await client.call('CurrentTime', currentTime);
  expect(plain.status).toBe(500);
  expect(plain.body).toMatch(/<NotAuthenticatedFault.*<object type="ServiceInstance">.*<privilegeId>System.View</s);
  const properties = await client.call(
    'RetrievePropertiesEx',
    `${self('PropertyCollector', 'ha-property-collector')}<specSet><propSet><type>HostSystem</type>` +
      `<pathSet>name</pathSet></propSet><objectSet><obj type="HostSystem">ha-host</obj></objectSet></specSet><options/>`,
  );
  expect(properties.status).toBe(200);
  expect(properties.body).toMatch(/<missingSet><path>name<\/path><fault><fault xsi:type="NotAuthenticated">/);
});

test('a file of a datastore needs a session or the password', async () => {
  const path = '/folder/appliance/appliance.vmx?dcPath=ha-datacenter&dsName=datastore1';
  const { port } = bench.simulator;
  expect((await send(port, path)).status).toBe(401);
  const byCookie = await send(port, path, { headers: { Cookie: bench.client.cookie ?? '' } });
  expect(byCookie.body).toContain('displayName = "appliance"');
  const basic = `Basic ${Buffer.from('root:secret').toString('base64')}`;
  const part = await send(port, path, { headers: { Authorization: basic, Range: 'bytes=0-8' } });
  expect([part.status, part.body]).toEqual([206, '.encoding']);
  const climbing = await send(port, '/folder/%2e%2e/%2e%2e/x?dsName=datastore1', { headers: { Authorization: basic } });
  expect(climbing.status).toBe(404);
});
