import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addController, addDisk, createVm, reconfigure, self, send, startBench } from './soapClient.ts';

const mib = 2 ** 20;
let bench: Awaited<ReturnType<typeof startBench>>;
let flat: string;
beforeAll(async () => {
  bench = await startBench({ datastores: [{ name: 'datastore1', capacityBytes: 64 * mib }] });
  await bench.client.makeFolder('[datastore1] replica/one');
  await bench.client.createDisk('[datastore1] replica/one/a.vmdk', 8 * 1024);
  flat = join(bench.folder, 'datastores/datastore1/replica/one/a-flat.vmdk');
});
afterAll(() => bench.close());

const shownDisks = (): Promise<string[]> => readdir(join(bench.folder, 'guest/appliance'));

test('a new disk is a real descriptor and a sparse extent', async () => {
  const about = await stat(flat);
  expect([about.size, about.blocks]).toEqual([8 * mib, 0]);
  const descriptor = await readFile(flat.replace('-flat', ''), 'utf8');
  expect(descriptor).toContain('createType="vmfs"');
  expect(descriptor).toContain('RW 16384 VMFS "a-flat.vmdk"');
  expect(descriptor).toContain('ddb.thinProvisioned = "1"');
  const uuid = /ddb.uuid = "(.+)"/.exec(descriptor)?.[1];
  expect(uuid).toMatch(/^60 00 c2 9/);
  const asked = await bench.client.call(
    'QueryVirtualDiskUuid',
    `${self('VirtualDiskManager', 'ha-vdiskmanager')}<name>[datastore1] replica/one/a.vmdk</name>`,
  );
  expect(asked.body).toContain(`<returnval>${uuid}</returnval>`);
});

test('a disk that does not fit is NoDiskSpace and leaves no file; the same path twice is FileAlreadyExists', async () => {
  const { client } = bench;
  const tooBig = await client.createDisk('[datastore1] replica/one/big.vmdk', 60 * 1024);
  expect(tooBig).toMatch(/<fault xsi:type="NoDiskSpace"><file>.*big.vmdk<\/file><datastore>datastore1</);
  await expect(stat(flat.replace('/a-', '/big-'))).rejects.toThrow('ENOENT');
  const again = await client.createDisk('[datastore1] replica/one/a.vmdk', 8 * 1024);
  expect(again).toContain('<fault xsi:type="FileAlreadyExists">');
  expect(await client.createDisk('[datastore1] nowhere/a.vmdk', 8)).toContain('<fault xsi:type="FileNotFound">');
  expect(await client.createDisk('[other] a.vmdk', 8)).toContain('<fault xsi:type="InvalidDatastore">');
  const id = bench.simulator.model.disks.datastores[0]?.id ?? '';
  expect(await client.property('Datastore', id, 'summary.freeSpace')).toBe(String(56 * mib));
});

test('the appliance sees a hot-added disk by its uuid, until it is removed; the file stays', async () => {
  const { client } = bench;
  const path = '[datastore1] replica/one/a.vmdk';
  const unit7 = await client.task('ReconfigVM_Task', reconfigure('1', addDisk(path, 7)));
  expect(unit7).toMatch(/<fault xsi:type="InvalidDeviceSpec"><property>.*unitNumber<\/property><deviceIndex>0</);
  expect(await shownDisks()).toEqual([]);

  expect(await client.task('ReconfigVM_Task', reconfigure('1', addDisk(path, 0)))).toContain('<state>success</state>');
  const [link = ''] = await shownDisks();
  expect(link).toMatch(/^wwn-0x6000c29[0-9a-f]{25}$/);
  expect(await readlink(join(bench.folder, 'guest/appliance', link))).toBe(flat);

  await client.createDisk('[datastore1] replica/one/b.vmdk', 8);
  const occupied = await client.task(
    'ReconfigVM_Task',
    reconfigure('1', addDisk('[datastore1] replica/one/b.vmdk', 0)),
  );
  expect(occupied).toContain('<fault xsi:type="InvalidDeviceSpec">');
  const devices = await client.property('VirtualMachine', '1', 'config.hardware.device');
  const device = /<VirtualDevice xsi:type="VirtualDisk">(.*?)<\/VirtualDevice>/s.exec(devices)?.[1] ?? '';
  expect(device).toMatch(/<uuid>6000C29.-/);

  const remove = `<deviceChange><operation>remove</operation><device x:type="VirtualDisk">${device.replaceAll('xsi:', 'x:')}</device></deviceChange>`;
  await client.task(
    'CreateSnapshot_Task',
    `${self('VirtualMachine', '1')}<name>s</name><memory>false</memory><quiesce>false</quiesce>`,
  );
  expect(await client.task('ReconfigVM_Task', reconfigure('1', remove))).toContain('xsi:type="SnapshotFault"');
  await client.task('RemoveAllSnapshots_Task', self('VirtualMachine', '1'));
  expect(await client.task('ReconfigVM_Task', reconfigure('1', remove))).toContain('<state>success</state>');
  expect(await shownDisks()).toEqual([]);
  expect((await stat(flat)).size).toBe(8 * mib);
});

test('a disk that a running VM has open is FileLocked for another', async () => {
  const { client } = bench;
  const path = '[datastore1] replica/one/a.vmdk';
  await client.task('ReconfigVM_Task', reconfigure('1', addDisk(path, 1)));
  const made = await client.task('CreateVM_Task', createVm('double', addController + addDisk(path, 0, -100)));
  const id = /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '';
  const powerOn = await client.task('PowerOnVM_Task', self('VirtualMachine', id));
  expect(powerOn).toMatch(/<fault xsi:type="FileLocked"><file>.*a.vmdk<\/file>/);
  const deleted = await client.task(
    'DeleteVirtualDisk_Task',
    `${self('VirtualDiskManager', 'ha-vdiskmanager')}<name>${path}</name>`,
  );
  expect(deleted).toContain('<fault xsi:type="FileLocked">');
});

test('a child is made with its VM: a descriptor that names its base, an extent that is empty, the backing as a chain', async () => {
  const { client } = bench;
  const base = '[datastore1] replica/one/b.vmdk';
  const child = '[datastore1] replica/one/c.vmdk';
  const backing = (path: string, parent = ''): string =>
    `x:type="VirtualDiskFlatVer2BackingInfo"><fileName>${path}</fileName><diskMode>persistent</diskMode>${parent}`;
  const add = (fileOperation: string, capacityKb: number): string =>
    `<deviceChange><operation>add</operation>${fileOperation}<device x:type="VirtualDisk"><key>-1</key>` +
    `<backing ${backing(child, `<parent ${backing(base)}</parent>`)}</backing><controllerKey>-100</controllerKey>` +
    `<unitNumber>0</unitNumber><capacityInKB>${capacityKb}</capacityInKB></device></deviceChange>`;
  const create = '<fileOperation>create</fileOperation>';
  const make = (change: string): Promise<string> =>
    client.task('CreateVM_Task', createVm('on-child', addController + change));

  expect(await make(add('', 8))).toMatch(/<fault xsi:type="InvalidDeviceSpec"><property>.*backing.parent</);
  expect(await make(add(create, 16))).toMatch(/<fault xsi:type="InvalidArgument"><invalidProperty>capacityInKB</);
  const made = await make(add(create, 8));
  const id = /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '';
  const devices = await client.property('VirtualMachine', id, 'config.hardware.device');
  expect(devices).toMatch(/<fileName>\[datastore1\] replica\/one\/c.vmdk<.*<parent><fileName>[^<]*\/b.vmdk</s);

  const text = await readFile(flat.replace('a-flat', 'c'), 'utf8');
  const baseText = await readFile(flat.replace('a-flat', 'b'), 'utf8');
  expect(/^parentCID=(.*)$/m.exec(text)?.[1]).toBe(/^CID=(.*)$/m.exec(baseText)?.[1]);
  expect(text).toContain('parentFileNameHint="/vmfs/volumes/datastore1/replica/one/b.vmdk"');
  expect(text).toContain('createType="seSparse"');
  expect((await stat(flat.replace('a-flat', 'c-sesparse'))).size).toBe(0);

  const file = (name: string): Promise<string> =>
    send(client.port, `/folder/replica/one/${name}?dcPath=ha-datacenter&dsName=datastore1`, {
      headers: { Cookie: client.cookie ?? '' },
    }).then(({ body }) => body);
  expect(await file('c.vmdk')).toBe(text);
  expect(await client.task('Destroy_Task', self('VirtualMachine', id))).toContain('<state>success</state>');
  await expect(stat(flat.replace('a-flat', 'c'))).rejects.toThrow('ENOENT');
  expect(await file('b.vmdk')).toBe(baseText);
});
