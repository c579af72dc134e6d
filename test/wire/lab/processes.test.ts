import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { labCertificates } from '#simulators/lab/certificates.ts';
import { killLeftoverProcesses, startProcess, stopAllProcesses } from '#simulators/lab/processes.ts';

let folder = '';

async function script(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.mjs`);
  await writeFile(path, text);
  return path;
}

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const steady = `console.log('starting'); console.log(JSON.stringify({ listening: { port: 7 } })); setInterval(() => {}, 1000);`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kagemusha-processes-'));
});

afterAll(async () => {
  await stopAllProcesses();
  await rm(folder, { recursive: true, force: true });
});

describe('the processes of the lab', () => {
  it('are ready when they say so, and leave a log', async () => {
    const child = await startProcess({ name: 'steady', folder, script: await script('steady', steady) });
    expect(child.listening).toEqual({ port: 7 });
    await child.stop();
    expect(await child.ended).toBe('SIGTERM');
    expect(await readFile(child.logPath, 'utf8')).toContain('starting');
  });

  it('show the end of their log when they end before they are ready', async () => {
    const failing = await script('failing', `console.error('port 25000 is in use'); process.exit(3);`);
    await expect(startProcess({ name: 'failing', folder, script: failing })).rejects.toThrow(
      /failing ended by itself \(exit code 3\)[^]*port 25000 is in use/,
    );
  });

  it('are given up when they stay silent', async () => {
    const silent = await script('silent', `setInterval(() => {}, 1000);`);
    await expect(startProcess({ name: 'silent', folder, script: silent, readyWithinMs: 300 })).rejects.toThrow(
      /silent did not say within 300 ms/,
    );
  });

  it('report a death nobody asked for, and no other', async () => {
    const dying = await script(
      'dying',
      `process.on('SIGUSR2', () => { console.log('last words'); process.exit(9); }); ${steady}`,
    );
    const { promise: report, resolve: told } = Promise.withResolvers<string>();
    const child = await startProcess({ name: 'dying', folder, script: dying, onDeath: told });
    process.kill(child.pid, 'SIGUSR2');
    expect(await report).toMatch(/dying ended by itself \(exit code 9\)[^]*last words/);

    const reports: string[] = [];
    const killed = await startProcess({
      name: 'killed',
      folder,
      script: await script('killed', steady),
      onDeath: (text) => reports.push(text),
    });
    await killed.kill();
    expect(await killed.ended).toBe('SIGKILL');
    expect(reports).toEqual([]);
  });

  it('take along what they started, as a dead machine does', async () => {
    const parent = await script(
      'parent',
      `import { spawn } from 'node:child_process'; const child = spawn('sleep', ['600'], { stdio: 'inherit' });
       console.log(JSON.stringify({ listening: { child: child.pid } })); setInterval(() => {}, 1000);`,
    );
    const parentProcess = await startProcess({ name: 'parent', folder, script: parent });
    const { child } = parentProcess.listening as { child: number };
    expect(alive(child)).toBe(true);
    // From outside, as whoever plays the disaster may do it.
    process.kill(parentProcess.pid, 'SIGKILL');
    await parentProcess.ended;
    await expect.poll(() => readFile(`/proc/${child}/stat`, 'utf8').catch(() => 'gone')).toMatch(/gone|\) Z /);
  });

  it('stop in the reverse order of their start', async () => {
    const order: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      const child = await startProcess({ name, folder, script: await script(name, steady) });
      void child.ended.then(() => order.push(name));
    }
    await stopAllProcesses();
    expect(order).toEqual(['third', 'second', 'first']);
  });

  it('are killed by the next lab when theirs was killed', async () => {
    const child = await startProcess({ name: 'leftover', folder, script: await script('leftover', steady) });
    await writeFile(join(folder, 'run', 'reusedId'), `${process.pid} 1\n`);
    expect(await killLeftoverProcesses(folder)).toEqual(['leftover']);
    expect(await child.ended).toBe('SIGKILL');
  });
});

describe('the certificates of the lab', () => {
  it('are made once, and keys are for their owner only', async () => {
    const files = await labCertificates(folder);
    const key = await readFile(files.master.key, 'utf8');
    expect((await stat(files.master.key)).mode & 0o777).toBe(0o600);
    expect(new Set([files.master.cert, files.appliance.cert, files.control.cert]).size).toBe(3);
    await labCertificates(folder);
    expect(await readFile(files.master.key, 'utf8')).toBe(key);
  });
});
