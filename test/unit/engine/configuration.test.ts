import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = join(import.meta.dirname, '..', '..', '..', 'engine', 'main.ts');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kagemusha-configuration-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Starts an engine that is expected to refuse; gives its exit code and what it told. */
function start(configuration: string | undefined): Promise<{ readonly code: unknown; readonly told: string }> {
  const file = join(folder, 'engine.json');
  if (configuration !== undefined) writeFileSync(file, configuration);
  const args = configuration === undefined ? [program] : [program, '--config', file];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 20_000 }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, told: stderr }),
    );
  });
}

const good = {
  node: 'appliance',
  listen: { host: '127.0.0.1', port: 25_000 },
  folder: '/nonexistent',
  tls: { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem' },
};

describe('an engine with a wrong configuration says which field, why, and ends', () => {
  it.each([
    ['no file at all', undefined, '--config'],
    ['no JSON', '{', 'engine.json'],
    ['a port beyond the last', JSON.stringify({ ...good, listen: { host: '127.0.0.1', port: 99_999 } }), 'listen.port'],
    ['a folder that is not absolute', JSON.stringify({ ...good, folder: 'here' }), 'folder'],
    [
      'a disk that is no device',
      JSON.stringify({ ...good, master: { disks: ['disk.img'], systemDisk: 'disk.img' } }),
      'master.disks.0',
    ],
    ['a guard in the process of an appliance', JSON.stringify({ ...good, guard: {}, appliance: {} }), 'guard'],
    ['a witness on the appliance', JSON.stringify({ ...good, appliance: {}, witness: {} }), 'witness'],
    [
      'a watchdog that is no path',
      JSON.stringify({ ...good, guard: { watchdogDevice: 'wdt' } }),
      'guard.watchdogDevice',
    ],
  ])('%s', async (_what, configuration, field) => {
    const { code, told } = await start(configuration);
    expect(code).toBe(1);
    expect(told).toContain(field);
    expect(told).toMatch(/正しくありません[\s\S]*is not valid/);
  });
});
