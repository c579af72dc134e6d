import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '#simulators/lab/command.ts';
import { makeNetwork } from '#simulators/lab/network.ts';
import type { LabNetwork } from '#simulators/lab/network.ts';

const probe = await makeNetwork(() => {});
await probe?.remove();

const networks: LabNetwork[] = [];
const processes: ReturnType<typeof spawn>[] = [];

async function made(): Promise<LabNetwork> {
  const network = await makeNetwork(() => {});
  if (!network) throw new Error('namespaces could be made a moment ago');
  networks.push(network);
  return network;
}

async function started(within: readonly string[], ...command: string[]): Promise<{ pid: number; kill(): void }> {
  const [program = '', ...args] = [...within, ...command];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(child);
  await once(child.stdout, 'data');
  return { pid: child.pid ?? 0, kill: () => child.kill('SIGKILL') };
}

/** What a new connection meets: an answer of any kind, or nothing within `timeoutMs`. */
const knock = (host: string, timeoutMs = 1_500): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ host, port: 25_000 });
    const end = (what: string): void => {
      socket.destroy();
      resolve(what);
    };
    socket.setTimeout(timeoutMs, () => end('silence'));
    socket.once('connect', () => end('connected'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(code === 'EHOSTUNREACH' ? 'silence' : (code ?? '?')));
  });

const serve = `require('net').createServer((s) => s.on('error', () => {})).listen(25000, '0.0.0.0', () => console.log('up'))`;

afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  for (const network of networks.splice(0)) await network.remove();
});

describe.skipIf(probe === undefined)('the networks of the lab (skipped without CAP_NET_ADMIN)', () => {
  it('make a master that is reached at both addresses, and is silent once all its processes are killed', async () => {
    const network = await made();
    const holder = await started(network.machine, 'sh', '-c', 'echo up; exec sleep 60');
    await network.plugIn(holder.pid);
    const engine = await started(network.onMachineOf(holder.pid), process.execPath, '-e', serve);
    expect([await knock(network.master), await knock(network.production)]).toEqual(['connected', 'connected']);
    engine.kill();
    await sleep(50);
    // One process of the machine still runs: the kernel speaks for it.
    expect(await knock(network.master)).toBe('ECONNREFUSED');
    holder.kill();
    await expect.poll(() => knock(network.master, 300)).toBe('silence');
    expect(await knock(network.production)).toBe('silence');
    // The production network itself is up: its silence can be asked for.
    const links = JSON.parse(await run('ip', ['-json', 'route', 'get', network.production])) as { dev: string }[];
    const link = JSON.parse(await run('ip', ['-json', 'link', 'show', links[0]?.dev ?? ''])) as { flags: string[] }[];
    expect(link[0]?.flags).toContain('LOWER_UP');
  });

  it('do not get into each other’s way, and go with their lab', async () => {
    const [one, other] = [await made(), await made()];
    expect(one.master).not.toBe(other.master);
    const names = async (): Promise<string[]> =>
      (JSON.parse(await run('ip', ['-json', 'address', 'show'])) as { addr_info: { local: string }[] }[]).flatMap(
        ({ addr_info }) => addr_info.map(({ local }) => local),
      );
    expect(await names()).toEqual(expect.arrayContaining([one.appliance, one.witness, other.appliance]));
    await one.remove();
    expect(await names()).not.toContain(one.appliance);
    expect(await names()).toContain(other.appliance);
  });

  it('of a killed lab are removed by the next one', async () => {
    const link = 'kgm199m';
    await run('ip', ['link', 'add', link, 'type', 'bridge']);
    await run('ip', ['link', 'set', link, 'alias', 'kagemusha-lab 1 12345678901']);
    await made();
    await expect(run('ip', ['link', 'show', link])).rejects.toThrow('does not exist');
  });
});
