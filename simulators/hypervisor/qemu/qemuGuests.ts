import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { diskPaths, folderPath } from '../model/vmFacts.ts';
import type { HypervisorModel } from '../model/hypervisorModel.ts';
import type { VmRecord } from '../model/state.ts';
import { VimFault } from '../model/vimFault.ts';
import type { DatastoreFolder } from '../soap/datastoreFolder.ts';
import { qemuArguments } from './arguments.ts';
import { findEfiFirmware, guarded } from './probe.ts';
import { sendQmp } from './qmp.ts';

type Running = {
  readonly process: ChildProcess;
  readonly qmpSocket: string;
  /** Resolves when the process has ended and let go of its disks. */
  readonly ended: Promise<void>;
};

const startPollMs = 20;

/** VMs that really boot: one QEMU each. A QEMU that ends is a VM that powered off. */
export class QemuGuests {
  readonly #model: HypervisorModel;
  readonly #datastores: DatastoreFolder;
  readonly #running = new Map<string, Running>();
  #socketFolder: string | undefined;

  constructor(parts: { readonly model: HypervisorModel; readonly datastores: DatastoreFolder }) {
    this.#model = parts.model;
    this.#datastores = parts.datastores;
  }

  /** Starts the guest. Faults: `GenericVmConfigFault` with QEMU's own words, `FileLocked`, `NotSupported` (no UEFI). */
  async boot(vm: VmRecord): Promise<void> {
    const { command, args, qmpSocket } = await this.#plan(vm);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-2000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(vm.id, line));
    let failure: string | undefined;
    const ended = new Promise<void>((resolve) => {
      child.on('error', (error) => {
        failure = error.message;
        resolve();
      });
      child.on('close', (code) => {
        if (code !== 0) failure ??= words.trim() || `QEMU ended with ${code}`;
        resolve();
      });
    });
    const running = { process: child, qmpSocket, ended };
    this.#running.set(vm.id, running);
    void ended.then(() => {
      if (this.#running.get(vm.id) !== running) return;
      this.#running.delete(vm.id);
      this.#model.guestGone(vm.id);
    });
    await this.#untilStarted(running);
    if (failure === undefined) return;
    if (/Failed to get .*lock/.test(failure))
      throw new VimFault('FileLocked', { file: diskPaths(vm)[0] ?? '' }, failure);
    throw new VimFault('GenericVmConfigFault', { reason: failure }, failure);
  }

  /** Pulls the plug; resolves when the disks are free. */
  async stop(vm: VmRecord): Promise<void> {
    const running = this.#running.get(vm.id);
    if (running === undefined) return;
    running.process.kill('SIGKILL');
    await running.ended;
  }

  /** Presses the power button. */
  async shutdown(vm: VmRecord): Promise<void> {
    const running = this.#running.get(vm.id);
    if (running !== undefined) await sendQmp(running.qmpSocket, 'system_powerdown');
  }

  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const one of all) one.process.kill('SIGKILL');
    await Promise.all(all.map((one) => one.ended));
    if (this.#socketFolder !== undefined) await rm(this.#socketFolder, { recursive: true, force: true });
  }

  async #plan(vm: VmRecord): Promise<{ command: string; args: readonly string[]; qmpSocket: string }> {
    const efiFirmware = vm.firmware === 'efi' ? await findEfiFirmware() : undefined;
    if (vm.firmware === 'efi' && efiFirmware === undefined) {
      throw new VimFault('GenericVmConfigFault', { reason: 'no UEFI firmware (package ovmf) for QEMU' });
    }
    // Unix sockets have short names; a datastore's folder may be deep.
    this.#socketFolder ??= await mkdtemp(join(tmpdir(), 'esxi-'));
    const folder = this.#datastores.realPath(folderPath(vm));
    await mkdir(folder, { recursive: true });
    const qmpSocket = join(this.#socketFolder, `${vm.id}.qmp`);
    await rm(qmpSocket, { force: true });
    const disks = new Map(
      diskPaths(vm).map((path) => {
        const { uuid } = this.#model.disks.get(path);
        return [path, { flatPath: this.#datastores.flatPath({ path }), uuid }];
      }),
    );
    const serialLog = join(folder, 'serial0.log');
    const toolsLog = join(folder, 'tools.log');
    return { ...guarded(qemuArguments({ vm, disks, serialLog, toolsLog, qmpSocket, efiFirmware })), qmpSocket };
  }

  /** The monitor answers once every device is there and every disk is locked; what QEMU refuses, it ends with. */
  async #untilStarted({ process, ended, qmpSocket }: Running): Promise<void> {
    const isOver = (): boolean => process.exitCode !== null || process.signalCode !== null || process.pid === undefined;
    while (!isOver()) {
      const answered = await sendQmp(qmpSocket, 'query-status').then(
        () => true,
        () => false,
      );
      if (answered) return;
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, startPollMs))]);
    }
    await ended;
  }

  /** ttyS1 stands in for VMware Tools: `tools running hostname=X ip=Y`. */
  #hear(vmId: string, line: string): void {
    const match = /tools running(?: hostname=(\S+))?(?: ip=(\S+))?/.exec(line);
    if (match === null) return;
    const [, hostName, ipAddress] = match;
    this.#model.guestReports(vmId, {
      tools: 'guestToolsRunning',
      ...(hostName === undefined ? {} : { hostName }),
      ...(ipAddress === undefined ? {} : { ipAddress }),
    });
  }
}
