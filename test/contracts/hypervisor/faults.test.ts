import { expect, test } from 'vitest';
import { faultText } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import { toPartyFault, VimFault } from '#engine/adapters/hypervisor/faults.ts';
import type { VimData } from '#engine/protocol/vim25/values.ts';

const subject = { host: 'esxi', object: 'double', path: '[ds] a.vmdk' };
const toldAs = (type: string, detail: VimData = {}) =>
  toPartyFault(new VimFault({ type, message: 'words of the host', detail }), subject).fault;

test.each<[string, FaultCode]>([
  ['InvalidLogin', 'badCredentials'],
  ['RestrictedVersion', 'readOnlyLicense'],
  ['TaskInProgress', 'busy'],
  ['ConcurrentAccess', 'busy'],
  ['FileLocked', 'locked'],
  ['NoDiskSpace', 'noSpace'],
  ['FileAlreadyExists', 'exists'],
  ['DuplicateName', 'exists'],
  ['FileNotFound', 'notFound'],
  ['ManagedObjectNotFound', 'notFound'],
  ['ApplicationQuiesceFault', 'snapshotBlocks'],
  ['InvalidPowerState', 'invalidState'],
  ['QuestionPending', 'invalidState'],
  ['InvalidController', 'invalidSpec'],
  ['TooManyDevices', 'invalidSpec'],
  ['InvalidArgument', 'invalidSpec'],
  ['HostNotConnected', 'unreachable'],
  ['Timedout', 'timedOut'],
  ['NoPermission', 'hypervisorRefused'],
  ['InsufficientMemoryResourcesFault', 'hypervisorRefused'],
  ['AFaultOfTheFuture', 'hypervisorRefused'],
])('%s is told as %s', (type, code) => {
  expect(toldAs(type).code).toBe(code);
});

test('a lock that a running VM reports only by a message key is a lock', () => {
  const faultMessage = [{ $type: 'LocalizableMessage', key: 'msg.fileio.lock', message: 'Failed to lock the file' }];
  expect(toldAs('GenericVmConfigFault', { faultMessage }).code).toBe('locked');
  expect(toldAs('GenericVmConfigFault').code).toBe('hypervisorRefused');
});

test('a host behind a vCenter that is cut off leaves the effect unknown', () => {
  expect(toldAs('HostCommunication').effect).toBe('unknown');
});

test('every sentence is complete in both languages', () => {
  for (const type of [
    'InvalidLogin',
    'FileLocked',
    'FileAlreadyExists',
    'InvalidPowerState',
    'InvalidArgument',
    'NoPermission',
  ]) {
    for (const language of ['ja', 'en'] as const) expect(faultText(toldAs(type), language)).not.toContain('?');
  }
});

test('a mistake of our own is internal, not a fault of the host', () => {
  expect(toPartyFault(new TypeError('oops'), subject).fault).toMatchObject({ code: 'internal', effect: 'unknown' });
});
