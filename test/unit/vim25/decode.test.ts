import { expect, test } from 'vitest';
import { parseXml } from '#engine/adapters/hypervisor/parseXml.ts';
import { decodeFault, decodeReturn, decodeValue } from '#engine/protocol/vim25/decode.ts';
import { encodeValue } from '#engine/protocol/vim25/encode.ts';
import { MoRef } from '#engine/protocol/vim25/values.ts';

const xsi = 'http://www.w3.org/2001/XMLSchema-instance';
const xsd = 'http://www.w3.org/2001/XMLSchema';
const value = (xml: string, type?: string) => decodeValue(parseXml(xml), type);

test('xsi is found by its namespace, under any prefix', () => {
  expect(value(`<val xmlns:_X="${xsi}" _X:type="_d:long">12</val>`)).toBe(12);
  expect(value(`<val xmlns:xsi="urn:other" xsi:type="xsd:long">12</val>`)).toBe('12');
});

test('a reference inside anyType has two type attributes', () => {
  expect(value(`<val xmlns:xsi="${xsi}" type="HostSystem" xsi:type="ManagedObjectReference">ha-host</val>`)).toEqual(
    new MoRef('HostSystem', 'ha-host'),
  );
});

test('a long beyond 2^53 keeps every digit', () => {
  expect(value('<v>9007199254740991</v>', 'long')).toBe(9_007_199_254_740_991);
  expect(value('<v>9007199254740993</v>', 'long')).toBe(9_007_199_254_740_993n);
});

test('one element of an array property is still an array; an element of the future is ignored', () => {
  const decoded = value(
    `<o xmlns:xsi="${xsi}"><rootSnapshotList><name>one</name><id>1</id></rootSnapshotList><fromTheFuture><x/></fromTheFuture></o>`,
    'VirtualMachineSnapshotInfo',
  );
  expect(decoded).toEqual({
    $type: 'VirtualMachineSnapshotInfo',
    rootSnapshotList: [{ $type: 'VirtualMachineSnapshotTree', name: 'one', id: 1 }],
  });
});

test('an array inside anyType is a wrapper whose children have the wrapper’s item type', () => {
  expect(
    value(
      `<val xmlns:xsi="${xsi}" xsi:type="ArrayOfOptionValue"><OptionValue><key>a</key><value xmlns:xsd="${xsd}" xsi:type="xsd:int">4</value></OptionValue></val>`,
    ),
  ).toEqual([{ $type: 'OptionValue', key: 'a', value: 4 }]);
  expect(value(`<val xmlns:xsi="${xsi}" xsi:type="ArrayOfString"><string>a</string></val>`)).toEqual(['a']);
  expect(value(`<val xmlns:xsi="${xsi}" xsi:type="ArrayOfInt"/>`)).toEqual([]);
});

test('a type of the future keeps what it holds', () => {
  expect(value(`<d xmlns:xsi="${xsi}" xsi:type="VirtualQuantumDisk"><key>5</key></d>`)).toEqual({
    $type: 'VirtualQuantumDisk',
    key: '5',
  });
});

test('a fault is its most derived type, with its properties', () => {
  const fault = decodeFault(
    parseXml(
      `<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="${xsi}"><faultcode>ServerFaultCode</faultcode>
       <faultstring>no</faultstring><detail><InvalidStateFault xmlns="urn:vim25" xsi:type="InvalidPowerState">
       <requestedState>poweredOn</requestedState><existingState>poweredOn</existingState></InvalidStateFault></detail></s:Fault>`,
    ),
  );
  expect(fault).toEqual({
    type: 'InvalidPowerState',
    message: 'no',
    detail: { $type: 'InvalidPowerState', requestedState: 'poweredOn', existingState: 'poweredOn' },
  });
});

test('a fault without detail is its code', () => {
  const fault = decodeFault(
    parseXml(
      '<Fault><faultcode>ns0:VersionMismatchFaultCode</faultcode><faultstring>Unsupported version URI</faultstring></Fault>',
    ),
  );
  expect(fault).toEqual({ type: 'VersionMismatchFaultCode', message: 'Unsupported version URI', detail: {} });
});

test('void returns nothing; an array return is an array with one value, too', () => {
  expect(decodeReturn('Logout', parseXml('<LogoutResponse/>'))).toBeUndefined();
  expect(decodeReturn('GetAlarm', parseXml('<r><returnval type="Alarm">a</returnval></r>'))).toEqual([
    new MoRef('Alarm', 'a'),
  ]);
});

test('what was encoded reads back the same', () => {
  const disk = {
    $type: 'VirtualDisk',
    key: 2000,
    backing: { $type: 'VirtualDiskFlatVer2BackingInfo', fileName: '[ds] a & b/c.vmdk', diskMode: 'persistent' },
    controllerKey: 1000,
    unitNumber: 0,
    capacityInKB: 4096,
    iofilter: ['one', 'two'],
  };
  const xml = encodeValue('device', 'VirtualDevice', disk, '6.7').replace('<device', `<device xmlns:xsi="${xsi}"`);
  expect(value(xml, 'VirtualDevice')).toEqual(disk);
});
