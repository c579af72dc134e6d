import { expect, test } from 'vitest';
import {
  ancestryOf,
  compareVersions,
  isA,
  knownVersions,
  methodNamed,
  propertiesOf,
} from '#engine/protocol/vim25/schema.ts';

test('properties stand base first: the order of the wire', () => {
  const names = propertiesOf('VirtualDisk').map(([name]) => name);
  expect(names.indexOf('key')).toBeLessThan(names.indexOf('unitNumber'));
  expect(names.indexOf('unitNumber')).toBeLessThan(names.indexOf('capacityInKB'));
  expect(propertiesOf('FileBackedVirtualDiskSpec').map(([name]) => name)).toEqual(
    expect.arrayContaining(['diskType', 'adapterType', 'capacityKb']),
  );
});

test('a fault is all of its ancestors, up to the root', () => {
  expect(isA('InvalidPowerState', 'InvalidState')).toBe(true);
  expect(isA('NotAuthenticated', 'RuntimeFault')).toBe(true);
  expect(isA('InvalidState', 'InvalidPowerState')).toBe(false);
  expect(ancestryOf('FromTheFuture')).toEqual(['FromTheFuture']);
});

test('versions compare as numbers, and every lettered one is older than a whole one', () => {
  expect(compareVersions('6.7.1', '6.7')).toBeGreaterThan(0);
  expect(compareVersions('10.0', '9.1')).toBeGreaterThan(0);
  expect(compareVersions('base', '2.0')).toBeLessThan(0);
  expect(compareVersions('6.5', '6.5.0.0')).toBe(0);
  expect(knownVersions[0]).toBe('6.7.1');
});

test('methods know their parameters in order', () => {
  expect(methodNamed('CreateVM_Task')?.params.map(({ name }) => name)).toEqual(['config', 'pool', 'host']);
  expect(methodNamed('Explode')).toBeUndefined();
});
