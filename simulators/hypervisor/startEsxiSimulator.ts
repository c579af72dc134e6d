import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';
import { registerAppliance } from './model/appliance.ts';
import { HypervisorModel } from './model/hypervisorModel.ts';
import type { ModelOptions } from './model/hypervisorModel.ts';
import { QemuGuests } from './qemu/qemuGuests.ts';
import { exportExtents, extentsOf } from './qemu/extents.ts';
import { hasQemu } from './qemu/probe.ts';
import { fingerprint, makeCertificate } from './soap/certificate.ts';
import type { ServerCertificate } from './soap/certificate.ts';
import { DatastoreFolder } from './soap/datastoreFolder.ts';
import { SoapDispatch } from './soap/dispatch.ts';
import type { CallHook } from './soap/dispatch.ts';
import type { Ground } from './soap/ground.ts';
import { GuestDisks } from './soap/guestDisks.ts';
import { realClock, realRandom } from './soap/realParties.ts';
import { listenSoap } from './soap/soapServer.ts';
import { StateFile } from './soap/stateFile.ts';

export type EsxiSimulatorOptions = {
  /** 0 picks a free port. */
  readonly port: number;
  readonly address?: string;
  readonly user: string;
  readonly password: string;
  /** Real folder under which each datastore has one of its own. */
  readonly datastoreFolder: string;
  readonly datastores?: ModelOptions['datastores'];
  readonly networks?: readonly string[];
  readonly resourcePools?: readonly string[];
  readonly hostName?: string;
  /** Where the disks of modelled, running VMs appear: `<folder>/<vmName>/wwn-0x<uuid>`. */
  readonly guestDiskFolder?: string;
  /** VMs that are there from the start, running, with four PVSCSI controllers: the appliance. Their guest is modelled. */
  readonly modelledVms?: readonly string[];
  /** False models every guest, true boots them in QEMU; unset finds out whether there is one. */
  readonly qemu?: boolean;
  /** How long a modelled guest takes to come up. */
  readonly guestUpAfterMs?: number;
  readonly taskLatencyMs?: number;
  readonly stateFile?: string;
  readonly certificate?: ServerCertificate;
  /** Failures that a test wants to see on the wire. */
  readonly onCall?: CallHook;
  readonly clock?: Clock;
  readonly random?: Random;
};

export type EsxiSimulator = {
  readonly port: number;
  /** Lower-case hex. */
  readonly certificateSha256: string;
  readonly qemu: boolean;
  readonly model: HypervisorModel;
  /** Writes all bytes of a disk that no VM runs with to a raw file: of a child what its guest would read. */
  exportDisk(path: string, target: string): Promise<void>;
  close(): Promise<void>;
};

/** An ESXi host on a real port, with real files and, where QEMU is, guests that really boot. Fault: `portInUse`. */
export async function startEsxiSimulator(options: EsxiSimulatorOptions): Promise<EsxiSimulator> {
  const clock = options.clock ?? realClock;
  const hostName = options.hostName ?? 'esxi-simulator';
  const qemu = options.qemu ?? (await hasQemu());
  const stateFile = options.stateFile === undefined ? undefined : new StateFile(options.stateFile);
  const saved = await stateFile?.load();
  const certificate = options.certificate ?? saved?.certificate ?? (await makeCertificate(hostName, clock.nowMs()));
  const model = new HypervisorModel(modelOptions(options, clock, qemu, saved?.host));
  const datastores = new DatastoreFolder(options.datastoreFolder);
  const guests = new QemuGuests({ model, datastores });
  const { guestDiskFolder } = options;
  const guestDisks =
    guestDiskFolder === undefined ? undefined : new GuestDisks({ folder: guestDiskFolder, model, datastores });
  const ground = makeGround(model, datastores, guests, guestDisks);
  for (const name of options.modelledVms ?? []) {
    if (!model.vms().some((vm) => vm.name === name)) await ground.writeVm(registerAppliance(model, name));
  }
  for (const one of model.disks.datastores) await ground.makeFolder(`[${one.name}]`);
  await ground.showDisks();

  let port = options.port;
  const sslThumbprint = fingerprint(certificate.certPem, 'sha1').toUpperCase().match(/../g)?.join(':') ?? '';
  const host = { model, hostName, port: () => port, sslThumbprint, qemu };
  const dispatch = new SoapDispatch({ host, ground, hook: options.onCall });
  const server = await listenSoap(
    { certificate, dispatch, model, ground },
    { host: options.address ?? '127.0.0.1', port: options.port },
  );
  port = server.port;
  const stopSaving = stateFile?.follow(model, certificate);
  return {
    port,
    certificateSha256: fingerprint(certificate.certPem, 'sha256'),
    qemu,
    model,
    exportDisk: (path, target) => exportExtents(extentsOf({ model, datastores }, path), target),
    close: async () => {
      await server.close();
      await guests.close();
      stopSaving?.();
    },
  };
}

function modelOptions(
  options: EsxiSimulatorOptions,
  clock: Clock,
  qemu: boolean,
  saved: ModelOptions['saved'],
): ModelOptions {
  const modelled = new Set(options.modelledVms);
  return {
    clock,
    random: options.random ?? realRandom,
    credentials: { user: options.user, password: options.password },
    datastores: options.datastores ?? [{ name: 'datastore1', capacityBytes: 2 ** 40 }],
    networks: options.networks ?? ['VM Network'],
    resourcePools: ['Resources', ...(options.resourcePools ?? []).filter((name) => name !== 'Resources')],
    taskLatencyMs: options.taskLatencyMs ?? 20,
    guestUpAfterMs: options.guestUpAfterMs ?? 3000,
    isGuestModelled: (vm) => !qemu || modelled.has(vm.name),
    ...(saved === undefined ? {} : { saved }),
  };
}

function makeGround(
  model: HypervisorModel,
  datastores: DatastoreFolder,
  guests: QemuGuests,
  guestDisks: GuestDisks | undefined,
): Ground {
  return {
    makeFolder: (path) => datastores.makeFolder(path),
    createDisk: (disk, base) => datastores.createDisk(disk, base),
    removeDisk: (disk) => datastores.removeDisk(disk),
    writeVm: (vm) => datastores.writeVm(vm),
    removeVm: (vm) => datastores.removeVm(vm),
    list: (path) => datastores.list(path),
    realPath: (path) => datastores.realPath(path),
    boot: async (vm) => {
      if (!model.isGuestModelled(vm)) await guests.boot(vm);
    },
    stop: (vm) => guests.stop(vm),
    plugNics: (vm) => guests.plugNics(vm),
    shutdown: (vm) => guests.shutdown(vm),
    showDisks: async () => guestDisks?.show(),
  };
}
