import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasQemu } from '#simulators/hypervisor/qemu/probe.ts';
import { bootSector } from './bootSector.ts';
import { addController, addDisk, createVm, self, SoapClient, startBench } from './soapClient.ts';

/** Resolves when the model says so: no polling, no sleeping. */
function until(bench: Awaited<ReturnType<typeof startBench>>, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!isTrue()) return;
      stop();
      resolve();
    };
    const stop = bench.simulator.model.onChanged(check);
    check();
  });
}

test.skipIf(!(await hasQemu()))('a VM boots from its disk in QEMU, and its tools are heard', async () => {
  const bench = await startBench({ qemu: true });
  try {
    const { client, simulator } = bench;
    await client.makeFolder('[datastore1] tiny');
    await client.createDisk('[datastore1] tiny/tiny.vmdk', 1024);
    const flat = await open(join(bench.folder, 'datastores/datastore1/tiny/tiny-flat.vmdk'), 'r+');
    await flat.write(bootSector('BOOTED\n', 'tools running hostname=tiny ip=10.0.0.9\n'), 0, 512, 0);
    await flat.close();
    const made = await client.task(
      'CreateVM_Task',
      createVm('tiny', addController + addDisk('[datastore1] tiny/tiny.vmdk', 0, -100)),
    );
    const id = /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '';
    expect(await client.task('PowerOnVM_Task', self('VirtualMachine', id))).toContain('<state>success</state>');
    await until(bench, () => simulator.model.vm(id).guest.tools === 'guestToolsRunning');
    expect(await readFile(join(bench.folder, 'datastores/datastore1/tiny/serial0.log'), 'utf8')).toContain('BOOTED');
    expect(await client.property('VirtualMachine', id, 'guest.toolsRunningStatus')).toBe('guestToolsRunning');
    expect(await client.property('VirtualMachine', id, 'guest.hostName')).toBe('tiny');
    expect(await client.property('VirtualMachine', id, 'guest.ipAddress')).toBe('10.0.0.9');

    expect(await client.task('PowerOffVM_Task', self('VirtualMachine', id))).toContain('<state>success</state>');
    expect(simulator.model.vm(id).power).toBe('poweredOff');
    expect(await client.task('PowerOnVM_Task', self('VirtualMachine', id))).toContain('<state>success</state>');
  } finally {
    await bench.close();
  }
});

test.skipIf(!(await hasQemu()))('what QEMU refuses is a fault of the task, and the VM stays off', async () => {
  const bench = await startBench({ qemu: true });
  try {
    const client = new SoapClient(bench.simulator.port);
    await client.login();
    const made = await client.task('CreateVM_Task', createVm('odd', '').replace('<numCPUs>1<', '<numCPUs>128<'));
    const id = /<result[^>]*>(\d+)</.exec(made)?.[1] ?? '';
    bench.simulator.model.vm(id).memoryMiB = 2 ** 40;
    const info = await client.task('PowerOnVM_Task', self('VirtualMachine', id));
    expect(info).toContain('<fault xsi:type="GenericVmConfigFault">');
    expect(bench.simulator.model.vm(id).power).toBe('poweredOff');
  } finally {
    await bench.close();
  }
});
