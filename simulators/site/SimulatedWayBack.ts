import { Engine } from '#engine/Engine.ts';
import { engineVersion } from '#engine/protocol/messages.ts';
import { PartyFault } from '#machines/faults.ts';
import type { Fact } from '#machines/host/step.ts';
import type { BareMetal } from '#machines/parties/bareMetal.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { MasterDescription } from '#machines/vocabulary.ts';
import { SimulatedBareMetal } from '#simulators/bareMetal/SimulatedBareMetal.ts';
import type { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import type { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';
import type { SimulatedMaster } from '#simulators/master/SimulatedMaster.ts';
import type { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import type { SimulatedBlocks } from '#simulators/replicaDisk/simulatedBlocks.ts';
import type { SimulatedMasterHost } from './SimulatedMasterHost.ts';

type Surroundings = {
  readonly clock: SimulatedClock;
  readonly network: SimulatedNetwork;
  readonly model: HypervisorModel;
  readonly master: SimulatedMaster;
  readonly masterHost: SimulatedMasterHost;
  readonly diskId: string;
  readonly vmName: () => string | undefined;
  readonly contentsOf: (path: string) => SimulatedBlocks | undefined;
  /** The machine runs from its own disks again. */
  readonly onRestored: () => void;
};

/** Of the master's own board: what is restored is the machine that died. */
export const hardwareId = 'b8f0c1d2-0001-4000-8000-4009412486aa';
export const kitAddress = { host: 'kit', port: 25_000 };
export const doubleAddress = { host: 'double', port: 25_000 };
export const targetSerial = 'S-0001';
const bootMs = 30_000;

/**
 * The way back of a site: the master's hardware booted from the kit, which boots from its restored disks as the master
 * that it was, and the engine in the substitute VM.
 */
export class SimulatedWayBack {
  readonly #around: Surroundings;
  #kit: SimulatedBareMetal | undefined;
  #tell: (fact: Fact) => void = () => {};
  #doubleUp = false;
  #booting: (() => void) | undefined;
  /** Told what is done to the machine's disks, at the moment that it is done. */
  onTarget: (what: 'written' | 'restartedEqual' | 'restartedDiffering') => void = () => {};
  /** The restored system hangs at boot. */
  hangsAtBoot = false;
  /** False while the way to the kit is cut. */
  #reachable = true;

  constructor(around: Surroundings) {
    this.#around = around;
    around.model.onChanged(() => this.#followDouble());
  }

  /** The kit while somebody has booted it, for planned failures and what its disks hold. */
  get kit(): SimulatedBareMetal | undefined {
    return this.#kit;
  }

  /** The hardware is on, and its own system does not run yet. */
  get holdsMachine(): boolean {
    return this.#booting !== undefined || (this.#kit !== undefined && this.#kit.state !== 'off' && !this.#restarted);
  }

  /** A machine whose restoring was broken off has no boot blocks. */
  get bootable(): boolean {
    return this.#restarted || this.#kit?.contentOf(targetSerial) === undefined;
  }

  get #restarted(): boolean {
    return this.#kit?.state === 'booted';
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  set reachable(reachable: boolean) {
    if (this.#reachable === reachable) return;
    this.#reachable = reachable;
    const kit = this.#kit;
    if (!kit) return;
    kit.reachable = reachable;
    if (reachable) kit.reconnect();
    else kit.disconnect('the kit cannot be reached');
  }

  /** An operator starts the master's hardware from the boot kit: whatever ran on it ends. */
  bootKit(): void {
    const { clock, master, masterHost, diskId } = this.#around;
    this.losePower();
    masterHost.powerOff();
    const bytes = master.disk(diskId).bytes;
    this.#kit = new SimulatedBareMetal({
      clock,
      tell: (fact) => this.#tell(fact),
      machine: {
        hardwareId,
        model: 'simulated',
        kitVersion: engineVersion,
        firmware: 'bios',
        disks: [{ serial: targetSerial, bytes }],
        nics: [{ mac: '02:00:00:00:00:01', linkUp: true, addresses: ['192.0.2.66'] }],
      },
      sourceDisk: () => (this.#doubleUp ? this.#diskOfDouble() : undefined),
      attachedDisk: () => this.#diskOfDouble(),
      onWrite: () => this.onTarget('written'),
      onRestart: (intent) => this.#bootRestored(intent),
    });
    this.#kit.reachable = this.#reachable;
  }

  /** The system in the substitute VM writes. */
  scribble(offset: number, bytes: Uint8Array): void {
    const disk = this.#diskOfDouble();
    if (!disk || !this.#doubleUp) throw new Error('no substitute VM runs');
    disk.write(offset, bytes);
  }

  /** Whatever of the kit runs on the hardware ends. */
  losePower(): void {
    this.#booting?.();
    this.#booting = undefined;
    if (this.#kit && !this.#restarted) this.#kit.losePower();
  }

  /** As the appliance's process reaches it. */
  party(tell: (fact: Fact) => void): BareMetal {
    this.#tell = tell;
    return this.#kit ?? nobody;
  }

  /** That process is gone: nobody hears what the kit tells. */
  forgetAppliance(): void {
    this.#tell = () => {};
    this.#kit?.crash();
  }

  #bootRestored(intent: Intent): void {
    const { clock, master, masterHost, diskId, onRestored } = this.#around;
    const restored = this.#kit?.contentOf(targetSerial);
    const source = this.#diskOfDouble();
    this.onTarget(source && restored?.equals(source) ? 'restartedEqual' : 'restartedDiffering');
    const disk = master.disk(diskId);
    if (restored) disk.write(0, restored.read(0, disk.bytes));
    this.#booting = clock.after(bootMs, () => {
      this.#booting = undefined;
      if (this.hangsAtBoot) return;
      void masterHost.boot({ ...intent, deadlineAtMs: clock.nowMs() + bootMs }).then(onRestored);
    });
  }

  #double() {
    const { model, vmName } = this.#around;
    return model.vms().find(({ name }) => name === vmName());
  }

  #diskOfDouble(): SimulatedBlocks | undefined {
    const disk = this.#double()?.devices.find((device) => device.kind === 'disk');
    return disk?.kind === 'disk' ? this.#around.contentsOf(disk.path) : undefined;
  }

  /** The engine came with the master's disks: it runs where a double has a guest and a network. */
  #followDouble(): void {
    const { clock, network } = this.#around;
    const vm = this.#double();
    const up =
      vm?.power === 'poweredOn' &&
      vm.guest.tools === 'guestToolsRunning' &&
      vm.devices.some((device) => device.kind === 'nic' && device.connected);
    if (up === this.#doubleUp) return;
    this.#doubleUp = up;
    const { host } = doubleAddress;
    if (!up) {
      network.powerOff(host);
      this.#kit?.disconnect('the substitute VM is gone');
      return;
    }
    network.powerOn(host);
    const handlers = [{ 'host.describe': () => this.#describeDouble() }];
    this.#kit?.reconnect();
    void new Engine({ node: 'master', listen: doubleAddress, clock, network: network.host(host), handlers }).start();
  }

  #describeDouble(): MasterDescription {
    const { master, diskId } = this.#around;
    return {
      hostName: master.hostName,
      engineVersion,
      bootId: 'double',
      firmware: 'bios',
      cpus: 2,
      memoryMiB: 512,
      disks: [{ diskId, bytes: master.disk(diskId).bytes, system: true }],
      changeSource: 'trace',
    };
  }
}

const gone = (): Promise<never> =>
  Promise.reject(new PartyFault('unreachable', { host: kitAddress.host, reason: 'nothing was booted' }));

/** Nobody has booted the kit. */
const nobody: BareMetal = { describe: gone, receive: gone, finish: gone, restart: gone, abandon: gone };
