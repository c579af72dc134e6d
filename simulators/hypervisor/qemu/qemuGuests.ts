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
import { cableOf, qemuArguments } from './arguments.ts';
import type { Extent } from './extents.ts';
import { extentsOf, prepareExtents } from './extents.ts';
import { findEfiFirmware, guarded } from './probe.ts';
import { sendQmp } from './qmp.ts';
import type { QmpCommand } from './qmp.ts';

type Running = {
  readonly process: ChildProcess;
  readonly qmpSocket: string;
  /** Resolves when the process has ended and let go of its disks. */
  readonly ended: Promise<void>;
};

const startPollMs = 20;
const quitWithinMs = 10_000;

async function tell({ qmpSocket }: Running, wanted: QmpCommand): Promise<void> {
  try {
    await sendQmp(qmpSocket, wanted);
  } catch (thrown) {
    throw new VimFault('GenericVmConfigFault', { reason: `${wanted.execute}: ${String(thrown)}` });
  }
}

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
    if (failure === undefined) return this.#letGo(vm, running);
    if (/Failed to get .*lock/.test(failure))
      throw new VimFault('FileLocked', { file: diskPaths(vm)[0] ?? '' }, failure);
    throw new VimFault('GenericVmConfigFault', { reason: failure }, failure);
  }

  /** Pulls the plug; resolves when the disks are free. */
  async stop(vm: VmRecord): Promise<void> {
    const running = this.#running.get(vm.id);
    if (running === undefined) return;
    const hasChild = diskPaths(vm).some((path) => this.#model.disks.find(path)?.parent !== undefined);
    // A child's map of what was written stays in QEMU's memory for a while; a killed QEMU takes it along.
    if (hasChild) await tell(running, { execute: 'quit' }).catch(() => undefined);
    const impatience = setTimeout(() => running.process.kill('SIGKILL'), hasChild ? quitWithinMs : 0);
    await running.ended;
    clearTimeout(impatience);
  }

  /** Makes the links of a running guest's cards what the VM says. Fault: `GenericVmConfigFault`. */
  async plugNics(vm: VmRecord): Promise<void> {
    const running = this.#running.get(vm.id);
    if (running === undefined) return;
    for (const nic of vm.devices) {
      if (nic.kind !== 'nic') continue;
      await tell(running, { execute: 'set_link', arguments: { name: cableOf(nic), up: nic.connected } });
    }
  }

  /** Presses the power button. */
  async shutdown(vm: VmRecord): Promise<void> {
    const running = this.#running.get(vm.id);
    if (running !== undefined) await sendQmp(running.qmpSocket, { execute: 'system_powerdown' });
  }

  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const one of all) one.process.kill('SIGKILL');
    await Promise.all(all.map((one) => one.ended));
    if (this.#socketFolder !== undefined) await rm(this.#socketFolder, { recursive: true, force: true });
  }

  /** The guest has stood still until its cables are where they belong. */
  async #letGo(vm: VmRecord, running: Running): Promise<void> {
    try {
      await this.plugNics(vm);
      await tell(running, { execute: 'cont' });
    } catch (thrown) {
      await this.stop(vm);
      throw thrown;
    }
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
    const disks = new Map<string, { readonly extents: readonly Extent[]; readonly uuid: string }>();
    for (const path of diskPaths(vm)) {
      const extents = extentsOf({ model: this.#model, datastores: this.#datastores }, path);
      await prepareExtents(extents);
      disks.set(path, { extents, uuid: this.#model.disks.get(path).uuid });
    }
    const serialLog = join(folder, 'serial0.log');
    const toolsLog = join(folder, 'tools.log');
    return { ...guarded(qemuArguments({ vm, disks, serialLog, toolsLog, qmpSocket, efiFirmware })), qmpSocket };
  }

  /** The monitor answers once every device is there and every disk is locked; what QEMU refuses, it ends with. */
  async #untilStarted({ process, ended, qmpSocket }: Running): Promise<void> {
    const isOver = (): boolean => process.exitCode !== null || process.signalCode !== null || process.pid === undefined;
    while (!isOver()) {
      const answered = await sendQmp(qmpSocket, { execute: 'query-status' }).then(
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
