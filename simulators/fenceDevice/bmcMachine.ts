import { readFile } from 'node:fs/promises';

/** The machine that a BMC can switch off. `null` is Redfish's word for a power state that is not known. */
export type BmcMachine = {
  power(): Promise<'On' | 'Off' | null>;
  cutPower(): Promise<void>;
};

/**
 * A machine made of processes, whose ids stand in a file as a JSON array: without power all are killed at once, with no
 * chance to say goodbye. It is off when none of them lives, and unknown while the file cannot be read.
 */
export function processMachine(pidsFile: string): BmcMachine {
  return {
    power: async () => {
      const pids = await readPids(pidsFile);
      if (pids === undefined) return null;
      const living = await Promise.all(pids.map(lives));
      return living.includes(true) ? 'On' : 'Off';
    },
    cutPower: async () => {
      for (const pid of (await readPids(pidsFile)) ?? []) kill(pid);
    },
  };
}

async function readPids(path: string): Promise<readonly number[] | undefined> {
  try {
    const pids: unknown = JSON.parse(await readFile(path, 'utf8'));
    // Never 0, 1 or less: they would mean a group, everybody, or init.
    const isPid = (pid: unknown): pid is number => typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 1;
    return Array.isArray(pids) && pids.every(isPid) ? pids : undefined;
  } catch {
    return undefined;
  }
}

/** A killed process that its parent has not collected yet runs no more. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const state = stat === undefined ? undefined : /\) (\S) [^)]*$/.exec(stat)?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
