import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

import { LabError } from './labError.ts';

/** Debian keeps losetup, mke2fs and others where an ordinary user's PATH does not look. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** The full path of a program, or undefined when the machine has none. */
export async function findProgram(name: string): Promise<string | undefined> {
  if (isAbsolute(name)) return (await isReadable(name, constants.X_OK)) ? name : undefined;
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...systemFolders]) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (await isReadable(path, constants.X_OK)) return path;
  }
  return undefined;
}

export async function isReadable(path: string, mode: number = constants.R_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/**
 * Runs a program without a shell and gives its standard output.
 * Faults: LabError with the program's own words when it is missing or fails.
 */
export async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  encoding: BufferEncoding = 'utf8',
): Promise<string> {
  const path = await findProgram(program);
  if (path === undefined) throw new LabError(`The program '${program}' is not installed.`);
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, LC_ALL: 'C', ...env }, maxBuffer: 64 << 20, encoding };
    execFile(path, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new LabError(`'${program} ${args.join(' ')}' failed: ${stderr.trim() || error.message}`));
    });
  });
}
