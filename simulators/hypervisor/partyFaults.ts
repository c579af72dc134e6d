import { PartyFault } from '#machines/faults.ts';
import { parseDatastorePath } from './model/datastorePath.ts';
import type { HypervisorModel } from './model/hypervisorModel.ts';
import { VimFault } from './model/vimFault.ts';

export type FaultContext = {
  readonly model: HypervisorModel;
  readonly host: string;
  /** What the call was about: a path, a VM's name or id. */
  readonly object: string;
  readonly neededBytes?: number;
};

/** A fault of the host as the party's callers know it. What is none of the host's faults passes unchanged. */
export function partyFaultOf(thrown: unknown, { model, host, object, neededBytes = 0 }: FaultContext): unknown {
  if (!(thrown instanceof VimFault)) return thrown;
  const { details, faultName } = thrown;
  const file = typeof details.file === 'string' ? details.file : object;
  switch (faultName) {
    case 'InvalidLogin':
      return new PartyFault('badCredentials', { host });
    case 'NoDiskSpace': {
      const { datastore } = parseDatastorePath(file);
      return new PartyFault('noSpace', { datastore, neededBytes, freeBytes: model.disks.freeBytes(datastore) });
    }
    case 'FileLocked':
      return new PartyFault('locked', { path: file });
    case 'TaskInProgress':
      return new PartyFault('busy', { object });
    case 'DuplicateName':
    case 'FileAlreadyExists':
      return new PartyFault('exists', { object });
    case 'FileNotFound':
    case 'ManagedObjectNotFound':
    case 'InvalidDatastore':
      return new PartyFault('notFound', { object: file });
    case 'SnapshotFault':
      return new PartyFault('snapshotBlocks', { object });
    case 'InvalidPowerState':
      return new PartyFault('invalidState', { object, reason: String(details.existingState) });
    case 'InvalidArgument':
      return new PartyFault('invalidSpec', { field: String(details.invalidProperty), reason: thrown.message });
    case 'InvalidDatastorePath':
    case 'InvalidName':
      return new PartyFault('invalidSpec', { field: object, reason: faultName });
    case 'InvalidDeviceSpec':
    case 'InvalidDeviceBacking':
    case 'MissingController':
    case 'TooManyDevices':
      return new PartyFault('invalidSpec', { field: String(details.property), reason: faultName });
    default:
      return new PartyFault('hypervisorRefused', { host, reason: thrown.message });
  }
}
