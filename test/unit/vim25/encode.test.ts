import { expect, test } from 'vitest';
import { encodeCall, EncodeError, encodeValue, escapeXml } from '#engine/protocol/vim25/encode.ts';
import { MoRef } from '#engine/protocol/vim25/values.ts';

const vm = new MoRef('VirtualMachine', '7');
const elementNames = (xml: string): string[] => [...xml.matchAll(/<(\w+)[ >]/g)].map((match) => match[1] ?? '');

test('elements go out in the order of the table, whatever the order of the caller', () => {
  const xml = encodeValue(
    'device',
    'VirtualDevice',
    {
      capacityInKB: 0,
      unitNumber: 3,
      controllerKey: 1000,
      backing: { diskMode: 'persistent', fileName: '[a] b.vmdk', $type: 'VirtualDiskFlatVer2BackingInfo' },
      key: -1,
      $type: 'VirtualDisk',
    },
    '6.5',
  );
  expect(elementNames(xml)).toEqual([
    'device',
    'key',
    'backing',
    'fileName',
    'diskMode',
    'controllerKey',
    'unitNumber',
    'capacityInKB',
  ]);
  expect(xml).toContain('<device xsi:type="VirtualDisk">');
  expect(xml).toContain('<backing xsi:type="VirtualDiskFlatVer2BackingInfo">');
});

test('a call carries its target, its parameters in wire order, and arrays as repeated elements', () => {
  const xml = encodeCall(
    new MoRef('ViewManager', 'ViewManager'),
    'CreateContainerView',
    { recursive: true, type: ['Datastore', 'Network'], container: new MoRef('Folder', 'ha-folder-root') },
    '6.5',
  );
  expect(xml).toBe(
    '<CreateContainerView xmlns="urn:vim25"><_this type="ViewManager">ViewManager</_this>' +
      '<container type="Folder">ha-folder-root</container><type>Datastore</type><type>Network</type>' +
      '<recursive>true</recursive></CreateContainerView>',
  );
});

test('anyType says what it holds', () => {
  const option = (value: string | number | boolean | MoRef) =>
    encodeValue('option', 'OptionValue', { key: 'k', value }, '6.5');
  expect(option('text')).toContain('<value xsi:type="xsd:string">text</value>');
  expect(option(5)).toContain('<value xsi:type="xsd:int">5</value>');
  expect(option(true)).toContain('<value xsi:type="xsd:boolean">true</value>');
  expect(option(vm)).toContain('<value type="VirtualMachine" xsi:type="ManagedObjectReference">7</value>');
});

test('text is escaped, and what XML cannot carry is refused', () => {
  expect(escapeXml(`a<b>&"c`)).toBe('a&lt;b&gt;&amp;&quot;c');
  expect(() => escapeXml('a\u0000b')).toThrow(EncodeError);
});

test.each([
  ['a missing required property', { operation: 'add' }, /device is required/],
  [
    'an unknown property',
    { device: { $type: 'VirtualDisk', key: 1, capacityInKB: 0, colour: 'red' } },
    /no property colour/,
  ],
  ['a type that is not the declared one', { device: { $type: 'OptionValue', key: 'a' } }, /is not a VirtualDevice/],
  ['a value that the enumeration lacks', { operation: 'adopt', device: { key: 1 } }, /no value adopt/],
])('%s is refused', (_, change, reason) => {
  expect(() => encodeValue('deviceChange', 'VirtualDeviceConfigSpec', change, '6.5')).toThrow(reason);
});

test('a property newer than the version spoken is refused, and sent to a host that knows it', () => {
  const disk = { $type: 'VirtualDisk', key: 1, capacityInKB: 0, nativeUnmanagedLinkedClone: true };
  expect(() => encodeValue('device', 'VirtualDevice', disk, '6.5')).toThrow(/needs API 6.7; the host speaks 6.5/);
  expect(encodeValue('device', 'VirtualDevice', disk, '6.7')).toContain('nativeUnmanagedLinkedClone');
});

test('an unknown method, an unknown parameter and a missing one are refused', () => {
  expect(() => encodeCall(vm, 'Explode', {}, '6.5')).toThrow(/not in the table/);
  expect(() => encodeCall(vm, 'PowerOnVM_Task', { force: true }, '6.5')).toThrow(/no parameter force/);
  expect(() => encodeCall(vm, 'ReconfigVM_Task', {}, '6.5')).toThrow(/spec is required/);
});
