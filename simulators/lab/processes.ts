import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { LabError } from './labError.ts';

export type ProcessSpec = {
  /** Also the name of its log, `<name>.log`. */
  readonly name: string;
  /** The lab's folder: logs go to `logs/`, process ids to `run/`. */
  readonly folder: string;
  /** A program of ours and its arguments, run with the Node that runs the lab. */
  readonly script: string;
  readonly args?: readonly string[];
  /** A command that ends by becoming the one behind it: `unshare --net --`, `nsenter … --`. */
  readonly within?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long until the line that says it is ready; 30 s by default. */
  readonly readyWithinMs?: number;
  /** Told when the process ends after it was ready and nobody stopped it. */
  readonly onDeath?: (report: string) => void;
};

export type LabProcess = {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** The value under `listening` in its ready line. */
  readonly listening: unknown;
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly ended: Promise<string>;
  /** `kill -9` of the process and all it started: what a dead machine looks like. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL to those that have not ended within `withinMs`; 5 s by default. */
  stop(withinMs?: number): Promise<void>;
};

const logTailLines = 15;
const readyWithinMsDefault = 30_000;
const stopWithinMsDefault = 5000;
/** In the order of their start, whoever started them: the last comes down first. */
const running: LabProcess[] = [];

process.once('exit', () => {
  for (const child of running.toReversed()) signalGroup(child.pid, 'SIGKILL');
});

/**
 * Starts a program of ours in a process group of its own and waits for the JSON line `{"listening":…}` on its
 * standard output. All it prints goes to its log.
 * Faults: LabError with the last lines of the log when it ends or stays silent instead.
 */
export async function startProcess(spec: ProcessSpec): Promise<LabProcess> {
  const logPath = join(spec.folder, 'logs', `${spec.name}.log`);
  await mkdir(join(spec.folder, 'logs'), { recursive: true });
  const errors = await open(logPath, 'a');
  const [program, ...args] = [...(spec.within ?? []), process.execPath, spec.script, ...(spec.args ?? [])];
  const child = spawn(program ?? process.execPath, args, {
    // A group of its own: Ctrl-C at the terminal reaches the lab only, which takes all down in its own order.
    detached: true,
    stdio: ['ignore', 'pipe', errors.fd],
    env: { ...process.env, ...spec.env },
  });
  const ended = endOf(child);
  const listening = readyLine(child, logPath);
  await errors.close();
  const { pid } = child;
  if (pid === undefined) throw new LabError(`${spec.name} could not be started: ${await ended}`);
  let expected = false;
  const labProcess: LabProcess = {
    name: spec.name,
    pid,
    logPath,
    listening: undefined,
    ended,
    kill: async () => {
      expected = true;
      signalGroup(pid, 'SIGKILL');
      await ended;
    },
    stop: async (withinMs = stopWithinMsDefault) => {
      expected = true;
      await stopGroup(pid, ended, withinMs);
    },
  };
  running.push(labProcess);
  void ended.then(() => forget(labProcess, spec.folder));
  await recordPid(spec, pid);
  const ready = await waitUntilReady(spec, labProcess, listening);
  void ended.then((how) => {
    if (!expected) spec.onDeath?.(deathReport(spec.name, how, logPath));
  });
  return Object.assign(labProcess, { listening: ready });
}

/** Stops all processes, the last started first. */
export async function stopAllProcesses(): Promise<void> {
  for (const child of running.toReversed()) await child.stop();
}

/** Kills what a lab that was itself killed has left running in this folder; gives the names. */
export async function killLeftoverProcesses(folder: string): Promise<readonly string[]> {
  const killed: string[] = [];
  for (const file of await readdir(join(folder, 'run')).catch((): string[] => [])) {
    const path = join(folder, 'run', file);
    const [pid = '', startedAt] = (await readFile(path, 'utf8')).trim().split(' ');
    // The kernel gives ids again: only the same id with the same start is the same process.
    if (startedAt !== undefined && startTimeOf(Number(pid)) === startedAt) {
      signalGroup(Number(pid), 'SIGKILL');
      killed.push(file);
    }
    rmSync(path, { force: true });
  }
  return killed;
}

async function waitUntilReady(spec: ProcessSpec, child: LabProcess, listening: Promise<unknown>): Promise<unknown> {
  const timeoutMs = spec.readyWithinMs ?? readyWithinMsDefault;
  const timer = new AbortController();
  const outcome = await Promise.race([
    listening.then((value) => ({ value })),
    child.ended.then((how) => ({ problem: deathReport(spec.name, how, child.logPath) })),
    sleep(
      timeoutMs,
      { problem: `${spec.name} did not say within ${timeoutMs} ms that it is ready.\n${logTail(child.logPath)}` },
      { signal: timer.signal },
    ),
  ]);
  timer.abort();
  if ('value' in outcome) return outcome.value;
  await child.kill();
  throw new LabError(outcome.problem);
}

/** Resolves with the first `{"listening":…}`; never, when there is none. */
function readyLine(child: ChildProcess, logPath: string): Promise<unknown> {
  return new Promise((resolve) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      // At once: whoever reads the log after the end of the process finds its last words.
      appendFileSync(logPath, `${line}\n`);
      const value = parseReady(line);
      if (value !== undefined) resolve(value);
    });
  });
}

function parseReady(line: string): unknown {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'listening' in value ? value.listening : undefined;
  } catch {
    return undefined;
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // What it started ends with it, and with that the pipe of its output closes.
    child.once('exit', () => child.pid !== undefined && signalGroup(child.pid, 'SIGKILL'));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

async function stopGroup(pid: number, ended: Promise<string>, withinMs: number): Promise<void> {
  const timer = new AbortController();
  signalGroup(pid, 'SIGTERM');
  const late = await Promise.race([ended.then(() => false), sleep(withinMs, true, { signal: timer.signal })]);
  timer.abort();
  if (late) signalGroup(pid, 'SIGKILL');
  await ended;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

async function recordPid(spec: ProcessSpec, pid: number): Promise<void> {
  await mkdir(join(spec.folder, 'run'), { recursive: true });
  await writeFile(join(spec.folder, 'run', spec.name), `${pid} ${startTimeOf(pid) ?? ''}\n`);
}

function forget(child: LabProcess, folder: string): void {
  const index = running.indexOf(child);
  if (index >= 0) running.splice(index, 1);
  rmSync(join(folder, 'run', child.name), { force: true });
}

/** Field 22 of /proc/PID/stat: ticks since boot; the fields before it follow the program's name in parentheses. */
function startTimeOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const deathReport = (name: string, how: string, logPath: string): string =>
  `${name} ended by itself (${how}). The end of ${logPath}:\n${logTail(logPath)}`;

function logTail(logPath: string): string {
  return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-logTailLines).join('\n');
}
