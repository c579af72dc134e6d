import { execFile } from 'node:child_process';

export type Ended = { readonly code: number | string; readonly stdout: string; readonly stderr: string };

const longestMs = 15_000;

/** Runs a program to its end and tells how it ended; `ENOENT` when there is none. Never throws. */
export function command(program: string, ...args: readonly string[]): Promise<Ended> {
  // Services are often started without the folders of root's programs.
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: longestMs }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? 'killed'), stdout, stderr });
    });
  });
}

/** The objects that `ip -json` prints; none when it failed. */
export async function ipObjects(...args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { code, stdout } = await command('ip', '-json', ...args);
  if (code !== 0) return [];
  const printed: unknown = stdout.trim() === '' ? [] : JSON.parse(stdout);
  return Array.isArray(printed) ? printed : [];
}
