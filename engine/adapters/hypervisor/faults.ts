import { PartyFault } from '#machines/faults.ts';
import type { Effect, Fault, FaultCode } from '#machines/faults.ts';
import { isA } from '#engine/protocol/vim25/schema.ts';
import { dataListAt, textAt } from '#engine/protocol/vim25/values.ts';
import type { DecodedFault } from '#engine/protocol/vim25/decode.ts';
import type { VimData } from '#engine/protocol/vim25/values.ts';

/** A fault in the host's own words, until the adapter turns it into the party's. */
export class VimFault extends Error {
  readonly type: string;
  readonly detail: VimData;

  constructor({ type, message, detail }: DecodedFault) {
    super(message === '' ? type : `${type}: ${message}`);
    this.name = 'VimFault';
    this.type = type;
    this.detail = detail;
  }

  /** Whether the fault is of this type or derived from it; a type the table does not know is only itself. */
  is(ancestor: string): boolean {
    return isA(this.type, ancestor);
  }
}

/** A `LocalizedMethodFault` (a task's error, a missing property's fault) as the fault inside it. */
export function vimFaultOf(localized: VimData | undefined): VimFault {
  const inner = localized?.['fault'] as VimData | undefined;
  return new VimFault({
    type: inner?.$type ?? 'UnexpectedFault',
    message: textAt(localized, 'localizedMessage') ?? '',
    detail: inner ?? {},
  });
}

/** What a call was about: fills the placeholders of the sentences. */
export type FaultSubject = { readonly host: string; readonly object: string; readonly path?: string };

type Row = readonly [vimType: string, code: FaultCode, effect?: Effect];

/** The most particular type first: the first row that the fault is a kind of decides. */
const rows: readonly Row[] = [
  ['InvalidLogin', 'badCredentials'],
  ['RestrictedVersion', 'readOnlyLicense'],
  ['NotEnoughLicenses', 'readOnlyLicense'],
  ['TaskInProgress', 'busy'],
  ['ConcurrentAccess', 'busy'],
  ['ResourceInUse', 'locked'],
  ['FileLocked', 'locked'],
  ['CannotAccessFile', 'locked'],
  ['NoDiskSpace', 'noSpace'],
  ['InsufficientStorageSpace', 'noSpace'],
  ['FileAlreadyExists', 'exists'],
  ['AlreadyExists', 'exists'],
  ['DuplicateName', 'exists'],
  ['FileNotFound', 'notFound'],
  ['NotFound', 'notFound'],
  ['ManagedObjectNotFound', 'notFound'],
  ['SnapshotFault', 'snapshotBlocks'],
  ['InvalidDeviceSpec', 'invalidSpec'],
  ['InvalidVmConfig', 'invalidSpec'],
  ['InvalidArgument', 'invalidSpec'],
  ['InvalidName', 'invalidSpec'],
  ['InvalidDatastorePath', 'invalidSpec'],
  ['InvalidDatastore', 'invalidState'],
  ['InvalidState', 'invalidState'],
  ['ToolsUnavailable', 'invalidState'],
  ['HostNotConnected', 'unreachable', 'unknown'],
  ['HostNotReachable', 'unreachable', 'unknown'],
  ['HostCommunication', 'unreachable', 'unknown'],
  ['HostConnectFault', 'unreachable', 'unknown'],
  ['Timedout', 'timedOut'],
  ['RequestCanceled', 'timedOut'],
];

/** Any error of the adapter as the party's fault. What the table does not know is `hypervisorRefused`. */
export function toPartyFault(error: unknown, subject: FaultSubject): PartyFault {
  if (error instanceof PartyFault) return error;
  if (!(error instanceof VimFault)) {
    return new PartyFault('internal', { reason: error instanceof Error ? error.message : String(error) });
  }
  const row = rows.find(([vimType]) => error.is(vimType) || error.type === vimType);
  const code = row?.[1] ?? (tellsOfLock(error) ? 'locked' : 'hypervisorRefused');
  return new PartyFault(code, paramsOf(error, subject), row?.[2]);
}

/** A running VM reports a lock only in the message keys of a general fault; the keys are its stable part. */
function tellsOfLock(error: VimFault): boolean {
  return (
    error.is('GenericVmConfigFault') &&
    dataListAt(error.detail, 'faultMessage').some((message) => textAt(message, 'key') === 'msg.fileio.lock')
  );
}

function paramsOf(error: VimFault, { host, object, path }: FaultSubject): Fault['params'] {
  return {
    host,
    object,
    what: object,
    path: textAt(error.detail, 'file') ?? path ?? object,
    reason: error.message,
    field: textAt(error.detail, 'property') ?? textAt(error.detail, 'invalidProperty') ?? object,
    datastore: textAt(error.detail, 'datastore') ?? object,
    neededBytes: '?',
    freeBytes: '?',
  };
}
