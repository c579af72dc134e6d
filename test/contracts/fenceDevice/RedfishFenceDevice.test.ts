import { afterEach, expect, test } from 'vitest';
import { scenarioId } from '#machines/vocabulary.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { RedfishFenceDevice } from '#engine/adapters/fenceDevice/RedfishFenceDevice.ts';
import { fetchFingerprint } from '#engine/adapters/pinnedConnection.ts';
import { startBmc } from '#simulators/fenceDevice/bmcServer.ts';
import type { BmcOptions, BmcServer, BmcTrouble } from '#simulators/fenceDevice/bmcServer.ts';
import { faultOf, fenceDeviceContract } from './suite.ts';

const clock = new SystemClock();
const account = { user: 'root', password: 'right-password' };
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.close();
});

async function makeBmc(options: Partial<BmcOptions> = {}) {
  const state: { power: 'On' | 'Off' } = { power: 'On' };
  const troubles: BmcTrouble[] = [];
  const machine = {
    power: async () => state.power,
    cutPower: async () => {
      state.power = 'Off';
    },
  };
  const bmc = await startBmc({ port: 0, ...account, machine, onReset: () => troubles.shift(), ...options });
  running.push(bmc);
  return { bmc, state, troubles };
}

function connect(bmc: BmcServer, options: { password?: string; certificateSha256?: string; systemId?: string } = {}) {
  const { port, certificateSha256 } = bmc;
  const place = { host: '127.0.0.1', port, certificateSha256, systemId: '1' };
  const device = new RedfishFenceDevice({ ...account, ...place, ...options, clock, pollMs: 20, callTimeoutMs: 2000 });
  running.push(device);
  return device;
}

const intent = (withinMs = 5000) => {
  return { ticket: 't', scenarioId: scenarioId('4009412486'), epoch: 1, deadlineAtMs: clock.nowMs() + withinMs };
};

const ways: readonly (readonly [string, Partial<BmcOptions>])[] = [
  ['a BMC with sessions', {}],
  ['a BMC that knows basic authentication only', { sessions: false, listsResetTypes: false }],
];
for (const [name, options] of ways) {
  fenceDeviceContract(`RedfishFenceDevice over ${name}`, async () => {
    const { bmc, state, troubles } = await makeBmc(options);
    const stranger = connect(bmc, { password: 'wrong' });
    return {
      device: connect(bmc),
      clock,
      power: async () => (state.power === 'On' ? 'on' : 'off'),
      fail: (...planned) => void troubles.push(...planned),
      orders: bmc.orders,
      stranger: { device: stranger, attempts: () => bmc.sessions.attempts },
      cutOff: () => bmc.close(),
      settle: (answer) => answer,
      dispose: async () => undefined,
    };
  });
}

test('a certificate that is not the pinned one gets no password', async () => {
  const { bmc, state } = await makeBmc();
  const device = connect(bmc, { certificateSha256: 'ab'.repeat(32) });
  expect(await faultOf(device.describe())).toBe('untrustedCertificate none');
  expect(await faultOf(device.powerOff(intent()))).toBe('untrustedCertificate none');
  expect(bmc.sessions.attempts).toBe(0);
  expect(state.power).toBe('On');
});

test('a session that died is renewed, and one that is closed is gone', async () => {
  const { bmc } = await makeBmc();
  const device = connect(bmc);
  await device.describe();
  bmc.sessions.forget();
  await Promise.all([device.describe(), device.describe(), device.describe()]);
  await device.powerOff(intent());
  expect(bmc.sessions.open).toBe(1);
  await device.close();
  expect(bmc.sessions.open).toBe(0);
});

test('a busy device is asked again until the power is off', async () => {
  const { bmc, troubles } = await makeBmc();
  troubles.push('busy', 'busy');
  await connect(bmc).powerOff(intent());
  expect(bmc.orders()).toBe(3);
});

test('a machine that goes off between the look and the order is off, though the order is refused', async () => {
  const { bmc, state } = await makeBmc({
    onReset: () => {
      state.power = 'Off';
      return undefined;
    },
  });
  await connect(bmc).powerOff(intent());
  expect(bmc.orders()).toBe(1);
});

test('an unknown power state is not off, and a system that is not there is told', async () => {
  const cut: string[] = [];
  const machine = { power: async () => null, cutPower: async () => void cut.push('cut') };
  const { bmc } = await makeBmc({ machine });
  expect(await connect(bmc).describe()).toMatchObject({ power: 'unknown' });
  expect(await faultOf(connect(bmc).powerOff(intent(300)))).toBe('timedOut unknown');
  expect(cut).toEqual(['cut']);
  expect(await faultOf(connect(bmc, { systemId: '2/../1' }).describe())).toBe('notFound none');
});

test('says who the machine is, and no fault holds the password', async () => {
  const { bmc, troubles } = await makeBmc();
  troubles.push('refused');
  const device = connect(bmc);
  expect((await device.describe()).identity).toBe('Kagemusha BMC simulator KGM-1 00000000-0000-4000-8000-400941248600');
  const thrown: unknown = await device.powerOff(intent()).catch((error: unknown) => error);
  expect(JSON.stringify(thrown)).toContain('The account may not do this');
  expect(JSON.stringify(thrown)).not.toContain(account.password);
});

/**
 * A real BMC: REDFISH_URL=https://user:password@host[:port]/redfish/v1/Systems/1 of a machine that may lose its power.
 * It must be on, and it is switched on again between the tests by nobody: run one test at a time with `-t`.
 */
const redfishUrl = process.env['REDFISH_URL'];
if (redfishUrl === undefined) {
  test.skip('RedfishFenceDevice on a real BMC (REDFISH_URL is not set)', () => undefined);
} else {
  const url = new URL(redfishUrl);
  const host = url.hostname;
  const port = url.port === '' ? 443 : Number(url.port);
  fenceDeviceContract(`RedfishFenceDevice on ${host}`, async () => {
    const device = new RedfishFenceDevice({
      host,
      port,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      certificateSha256: await fetchFingerprint(host, port),
      systemId: decodeURIComponent(url.pathname.split('/').at(-1) ?? '1'),
      clock,
    });
    return {
      device,
      clock,
      power: async () => ((await device.describe()).power === 'off' ? 'off' : 'on'),
      settle: (answer) => answer,
      dispose: async () => undefined,
    };
  });
}
