import { describe, expect, test } from 'vitest';
import { contractBench, mebibyte } from './contractBench.ts';
import type { HypervisorUnderTest } from './contractBench.ts';
import { doublesContract } from './doublesContract.ts';

export type { HypervisorUnderTest } from './contractBench.ts';

/** Every promise of `Hypervisor`, as tests. Each run works in names of its own. */
export function hypervisorContract(name: string, make: () => Promise<HypervisorUnderTest>): void {
  describe(name, () => {
    const bench = contractBench(make);
    const { settled, newScenario, intentFor, newPath, newDisk, vmSpec, newVm, refusal } = bench;

    describe('inspect', () => {
      test('lists the datastore, the network and the VMs with their power', async () => {
        const inventory = await settled(bench.under.hypervisor.inspect());
        const datastore = inventory.datastores.find((one) => one.name === bench.under.datastore);
        expect(datastore).toMatchObject({ accessible: true });
        expect(datastore?.freeBytes).toBeGreaterThan(0);
        expect(inventory.networks.map((one) => one.name)).toContain(bench.under.network);
        expect(inventory.resourcePools.length).toBeGreaterThan(0);
        expect(inventory.writable).toBe(true);
        expect(inventory.vms.find((vm) => vm.name === bench.under.applianceVmName)).toMatchObject({
          power: 'on',
          snapshots: 0,
        });
      });
    });

    describe('createDisk', () => {
      test('makes a disk, its folders, and tells its identity', async () => {
        const path = newPath();
        const disk = await settled(bench.under.hypervisor.createDisk({ path, bytes: 3 * mebibyte }, intentFor()));
        expect(disk).toMatchObject({ path, bytes: 3 * mebibyte });
        expect(disk.uuid).toMatch(/^[0-9a-f]{32}$/);
      });

      test('adopts a disk of the same size: the second answer is the first', async () => {
        const path = newPath();
        const first = await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()));
        const second = await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()));
        expect(second).toEqual(first);
      });

      test('refuses a disk of another size at the path', async () => {
        const path = await newDisk(mebibyte);
        expect(await refusal(bench.under.hypervisor.createDisk({ path, bytes: 2 * mebibyte }, intentFor()))).toBe(
          'exists',
        );
      });

      test('refuses what the datastore cannot hold, and says how much is free', async () => {
        const bytes = 2 ** 45;
        const answer = settled(bench.under.hypervisor.createDisk({ path: newPath(), bytes }, intentFor()));
        await expect(answer).rejects.toMatchObject({
          fault: {
            code: 'noSpace',
            params: { datastore: bench.under.datastore, neededBytes: bytes, freeBytes: expect.any(Number) },
          },
        });
      });

      test('refuses a datastore that is not there', async () => {
        const disk = { path: '[no-such-datastore] a/b.vmdk', bytes: mebibyte };
        expect(await refusal(bench.under.hypervisor.createDisk(disk, intentFor()))).toBe('notFound');
      });
    });

    describe('attachDisk and detachDisk', () => {
      test('attaches with the locator of the disk; attached already is success with the same locator', async () => {
        const path = newPath();
        const disk = await settled(bench.under.hypervisor.createDisk({ path, bytes: 2 * mebibyte }, intentFor()));
        const place = { vmName: bench.under.applianceVmName, path };
        const locator = await settled(bench.under.hypervisor.attachDisk(place, intentFor()));
        expect(locator).toEqual({ wwn: disk.uuid, expectBytes: 2 * mebibyte });
        expect(await settled(bench.under.hypervisor.attachDisk(place, intentFor()))).toEqual(locator);
        await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
      });

      test('disks attached at the same time get places of their own, more than half a controller holds', async () => {
        const paths = await Promise.all(Array.from({ length: 9 }, () => newDisk()));
        const places = paths.map((path) => ({ vmName: bench.under.applianceVmName, path }));
        const locators = await Promise.all(
          places.map((place) => settled(bench.under.hypervisor.attachDisk(place, intentFor()))),
        );
        expect(new Set(locators.map(({ wwn }) => wwn)).size).toBe(9);
        for (const place of places) await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
      });

      test('detach keeps the file; not attached is success', async () => {
        const path = newPath();
        const disk = await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()));
        const place = { vmName: bench.under.applianceVmName, path };
        await settled(bench.under.hypervisor.attachDisk(place, intentFor()));
        await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
        await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
        expect(await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()))).toEqual(disk);
      });

      test('a disk in use by another running VM is locked', async () => {
        const path = await newDisk();
        const place = { vmName: bench.under.applianceVmName, path };
        await settled(bench.under.hypervisor.attachDisk(place, intentFor()));
        const rival = { vmName: bench.under.otherVmName, path };
        expect(await refusal(bench.under.hypervisor.attachDisk(rival, intentFor()))).toBe('locked');
        await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
      });

      test('a VM or a file that is not there is not found', async () => {
        const path = await newDisk();
        const nowhere = { vmName: `no-such-vm-${bench.runId()}`, path };
        expect(await refusal(bench.under.hypervisor.attachDisk(nowhere, intentFor()))).toBe('notFound');
        const nothing = { vmName: bench.under.applianceVmName, path: newPath() };
        expect(await refusal(bench.under.hypervisor.attachDisk(nothing, intentFor()))).toBe('notFound');
      });
    });

    describe('createVm', () => {
      test('makes a VM that is off, tagged, with the disks in their order', async () => {
        const intent = intentFor();
        const diskPaths = [await newDisk(), await newDisk()];
        const vm = await newVm(vmSpec('substituteVm', diskPaths), intent);
        expect(vm).toMatchObject({
          power: 'off',
          tag: { scenarioId: intent.scenarioId, role: 'substituteVm' },
          diskPaths,
          nics: [{ network: bench.under.network, connected: false }],
          snapshots: 0,
        });
        expect(await settled(bench.under.hypervisor.describeVm(vm))).toEqual(vm);
      });

      test('takes more disks than one controller holds', async () => {
        const diskPaths: string[] = [];
        for (let index = 0; index < 16; index += 1) diskPaths.push(await newDisk(512 * 1024));
        const vm = await newVm(vmSpec('substituteVm', diskPaths), intentFor());
        expect(vm.diskPaths).toEqual(diskPaths);
      });

      test('one VM for a scenario and role: found by its tag it is adopted, also under another ticket', async () => {
        const scenario = newScenario();
        const first = await newVm(vmSpec('substituteVm'), intentFor(scenario));
        const second = await settled(bench.under.hypervisor.createVm(vmSpec('substituteVm'), intentFor(scenario)));
        expect(second).toEqual(first);
        const another = await newVm(vmSpec('testVm'), intentFor(scenario));
        expect(another.vmId).not.toBe(first.vmId);
      });

      test('two at the same time make one VM', async () => {
        const scenario = newScenario();
        const spec = vmSpec('substituteVm');
        const [first, second] = await Promise.all([newVm(spec, intentFor(scenario)), newVm(spec, intentFor(scenario))]);
        expect(second?.vmId).toBe(first?.vmId);
      });

      test("somebody else's VM of the same name is not adopted", async () => {
        const spec = { ...vmSpec('substituteVm'), name: bench.under.applianceVmName };
        expect(await refusal(bench.under.hypervisor.createVm(spec, intentFor()))).toBe('exists');
      });

      test('a disk that is not there is told', async () => {
        expect(await refusal(bench.under.hypervisor.createVm(vmSpec('substituteVm', [newPath()]), intentFor()))).toBe(
          'notFound',
        );
      });
    });

    doublesContract(bench);

    describe('power', () => {
      test('on already and off already are success', async () => {
        const intent = intentFor();
        const vm = await newVm(vmSpec('substituteVm', [await newDisk()]), intent);
        await settled(bench.under.hypervisor.powerOnVm(vm, intent));
        await settled(bench.under.hypervisor.powerOnVm(vm, intent));
        expect((await settled(bench.under.hypervisor.describeVm(vm))).power).toBe('on');
        await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
        await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
        expect((await settled(bench.under.hypervisor.describeVm(vm))).power).toBe('off');
      });

      test('a second VM of the scenario is refused while the first is on', async () => {
        const scenario = newScenario();
        const substitute = await newVm(vmSpec('substituteVm'), intentFor(scenario));
        const rival = await newVm(vmSpec('testVm'), intentFor(scenario));
        await settled(bench.under.hypervisor.powerOnVm(substitute, intentFor(scenario)));
        expect(await refusal(bench.under.hypervisor.powerOnVm(rival, intentFor(scenario)))).toBe('invalidState');
        await settled(bench.under.hypervisor.powerOffVm({ ...substitute, how: 'hard' }, intentFor(scenario)));
        await settled(bench.under.hypervisor.powerOnVm(rival, intentFor(scenario)));
        await settled(bench.under.hypervisor.powerOffVm({ ...rival, how: 'hard' }, intentFor(scenario)));
      });

      test('a VM whose disk is in use elsewhere does not start, and is off afterwards', async () => {
        const path = await newDisk();
        const place = { vmName: bench.under.applianceVmName, path };
        await settled(bench.under.hypervisor.attachDisk(place, intentFor()));
        const intent = intentFor();
        const vm = await newVm(vmSpec('substituteVm', [path]), intent);
        expect(await refusal(bench.under.hypervisor.powerOnVm(vm, intent))).toBe('locked');
        expect((await settled(bench.under.hypervisor.describeVm(vm))).power).toBe('off');
        await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
        await settled(bench.under.hypervisor.powerOnVm(vm, intent));
        await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
      });
    });

    describe('epochs', () => {
      test('an older epoch of the scenario changes nothing', async () => {
        const scenario = newScenario();
        const vm = await newVm(vmSpec('substituteVm'), { ...intentFor(scenario), epoch: 2 });
        const old = { ...intentFor(scenario), epoch: 1 };
        expect(await refusal(bench.under.hypervisor.powerOnVm(vm, old))).toBe('staleEpoch');
        expect(await refusal(bench.under.hypervisor.unregisterVm(vm, old))).toBe('staleEpoch');
        expect(await settled(bench.under.hypervisor.describeVm(vm))).toEqual(vm);
        await settled(bench.under.hypervisor.powerOnVm(vm, { ...intentFor(scenario), epoch: 2 }));
        expect(await refusal(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, old))).toBe('staleEpoch');
        expect((await settled(bench.under.hypervisor.describeVm(vm))).power).toBe('on');
      });
    });

    describe('unregisterVm', () => {
      test('removes the VM and keeps its disks; gone already is success', async () => {
        const path = newPath();
        const disk = await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()));
        const intent = intentFor();
        const vm = await newVm(vmSpec('substituteVm', [path]), intent);
        await settled(bench.under.hypervisor.unregisterVm(vm, intent));
        await settled(bench.under.hypervisor.unregisterVm(vm, intent));
        expect(await refusal(bench.under.hypervisor.describeVm(vm))).toBe('notFound');
        expect(await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()))).toEqual(disk);
      });

      test('is refused while the VM is on', async () => {
        const intent = intentFor();
        const vm = await newVm(vmSpec('substituteVm'), intent);
        await settled(bench.under.hypervisor.powerOnVm(vm, intent));
        expect(await refusal(bench.under.hypervisor.unregisterVm(vm, intent))).toBe('invalidState');
        await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
      });
    });

    describe('with a hand on the host', () => {
      test('the guest that has reported itself up is awaited', async ({ skip }) => {
        if (bench.under.setGuestsUp === undefined) return skip('guests of this host have no operating system');
        bench.under.setGuestsUp(true);
        const intent = intentFor();
        const vm = await newVm(vmSpec('substituteVm'), intent);
        await settled(bench.under.hypervisor.powerOnVm(vm, intent));
        const guest = await settled(bench.under.hypervisor.waitForGuest(vm, intent));
        expect(guest.tools).toBe('running');
        await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'guest' }, intentFor()));
        expect((await settled(bench.under.hypervisor.describeVm(vm))).power).toBe('off');
      });

      test('a guest that never reports is timedOut at the deadline, and can still be switched off', async ({
        skip,
      }) => {
        if (bench.under.setGuestsUp === undefined) return skip('guests of this host have no operating system');
        bench.under.setGuestsUp(false);
        const vm = await newVm(vmSpec('substituteVm'), intentFor());
        await settled(bench.under.hypervisor.powerOnVm(vm, intentFor()));
        expect(await refusal(bench.under.hypervisor.waitForGuest(vm, intentFor(undefined, 1500)))).toBe('timedOut');
        await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'guest' }, intentFor()));
        expect((await settled(bench.under.hypervisor.describeVm(vm))).power).toBe('off');
        bench.under.setGuestsUp(true);
      });

      test('a snapshot blocks attaching and detaching', async ({ skip }) => {
        if (bench.under.takeSnapshot === undefined) return skip('nobody here makes snapshots');
        const attached = { vmName: bench.under.otherVmName, path: await newDisk() };
        await settled(bench.under.hypervisor.attachDisk(attached, intentFor()));
        await bench.under.takeSnapshot(bench.under.otherVmName);
        expect(await refusal(bench.under.hypervisor.detachDisk(attached, intentFor()))).toBe('snapshotBlocks');
        const more = { vmName: bench.under.otherVmName, path: await newDisk() };
        expect(await refusal(bench.under.hypervisor.attachDisk(more, intentFor()))).toBe('snapshotBlocks');
      });
    });
  });
}
