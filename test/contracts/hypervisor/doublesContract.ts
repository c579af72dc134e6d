import { describe, expect, test } from 'vitest';
import type { VmRole, VmSpec } from '#machines/parties/hypervisor.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { mebibyte } from './contractBench.ts';
import type { ContractBench } from './contractBench.ts';

/** The promises that a double stands on: its disks, and when it is on the network. */
export function doublesContract(bench: ContractBench): void {
  const { settled, newScenario, intentFor, newPath, newDisk, vmSpec, newVm, refusal } = bench;

  describe('child disks', () => {
    const onChild = (path: string, childOf: string, role: VmRole = 'substituteVm'): VmSpec => ({
      ...vmSpec(role),
      disks: [{ path, childOf }],
    });
    const off = async (vm: { readonly vmId: string }, intent: Intent): Promise<void> => {
      await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
      await settled(bench.under.hypervisor.unregisterVm(vm, intent));
    };

    test('are made with the VM, as large as their base, and are gone with all writes when they are deleted', async () => {
      const base = newPath();
      const disk = await settled(bench.under.hypervisor.createDisk({ path: base, bytes: 3 * mebibyte }, intentFor()));
      const child = newPath().replace('/deep/', '/children/');
      const intent = intentFor();
      const vm = await newVm(onChild(child, base), intent);
      expect(vm.diskPaths).toEqual([child]);
      expect(await settled(bench.under.hypervisor.describeVm(vm))).toEqual(vm);
      await settled(bench.under.hypervisor.powerOnVm(vm, intent));
      expect(await refusal(bench.under.hypervisor.deleteChildDisk({ path: child }, intentFor()))).toBe('locked');
      await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
      expect(await refusal(bench.under.hypervisor.deleteChildDisk({ path: child }, intentFor()))).toBe('locked');
      await settled(bench.under.hypervisor.unregisterVm(vm, intent));
      const { discardedBytes } = await settled(bench.under.hypervisor.deleteChildDisk({ path: child }, intentFor()));
      expect(discardedBytes).toBeGreaterThanOrEqual(0);
      expect(await settled(bench.under.hypervisor.deleteChildDisk({ path: child }, intentFor()))).toEqual({
        discardedBytes: 0,
      });
      expect(
        await settled(bench.under.hypervisor.createDisk({ path: base, bytes: 3 * mebibyte }, intentFor())),
      ).toEqual(disk);
      // The path is free again, for a disk of any size.
      await settled(bench.under.hypervisor.createDisk({ path: child, bytes: mebibyte }, intentFor()));
    });

    test('keep writers away from their base until their VM is gone', async () => {
      const base = await newDisk();
      const child = newPath();
      const intent = intentFor();
      const vm = await newVm(onChild(child, base), intent);
      const writer = await newVm(vmSpec('substituteVm', [base]), intentFor());
      const place = { vmName: bench.under.applianceVmName, path: base };
      for (const step of ['off', 'on'] as const) {
        if (step === 'on') await settled(bench.under.hypervisor.powerOnVm(vm, intent));
        expect(await refusal(bench.under.hypervisor.attachDisk(place, intentFor()))).toBe('locked');
        expect(await refusal(bench.under.hypervisor.powerOnVm(writer, intentFor()))).toBe('locked');
      }
      await off(vm, intent);
      await settled(bench.under.hypervisor.deleteChildDisk({ path: child }, intentFor()));
      await settled(bench.under.hypervisor.attachDisk(place, intentFor()));
      await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
    });

    test('of a base that is being written to do not come up', async () => {
      const base = await newDisk();
      const place = { vmName: bench.under.applianceVmName, path: base };
      await settled(bench.under.hypervisor.attachDisk(place, intentFor()));
      const child = newPath();
      const intent = intentFor();
      const started = async (): Promise<void> => {
        const vm = await newVm(onChild(child, base), intent);
        await bench.under.hypervisor.powerOnVm(vm, intent);
      };
      expect(await refusal(started())).toBe('locked');
      await settled(bench.under.hypervisor.detachDisk(place, intentFor()));
    });

    test('need a base that is there', async () => {
      expect(await refusal(bench.under.hypervisor.createVm(onChild(newPath(), newPath()), intentFor()))).toBe(
        'notFound',
      );
    });

    test('of a VM that could not be made are not left behind', async () => {
      const base = await newDisk();
      const child = newPath();
      const spec = {
        ...onChild(child, base),
        nics: [{ network: `no-such-network-${bench.runId()}`, connected: false }],
      };
      await refusal(bench.under.hypervisor.createVm(spec, intentFor()));
      // The path is free for a disk of another size.
      await settled(bench.under.hypervisor.createDisk({ path: child, bytes: 2 * mebibyte }, intentFor()));
    });

    test('never take the place of a disk that is there', async () => {
      const [base, other] = [await newDisk(), await newDisk()];
      expect(await refusal(bench.under.hypervisor.createVm(onChild(other, base), intentFor()))).toBe('exists');
      expect(await refusal(bench.under.hypervisor.deleteChildDisk({ path: other }, intentFor()))).toBe('invalidSpec');
    });

    test('are the only disks that are deleted', async () => {
      const path = newPath();
      const disk = await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()));
      expect(await refusal(bench.under.hypervisor.deleteChildDisk({ path }, intentFor()))).toBe('invalidSpec');
      expect(await settled(bench.under.hypervisor.createDisk({ path, bytes: mebibyte }, intentFor()))).toEqual(disk);
    });
  });

  describe('setNicsConnected', () => {
    const nic = (connected: boolean) => ({ network: bench.under.network, connected });
    const nicsOf = async (vm: { readonly vmId: string }) =>
      (await settled(bench.under.hypervisor.describeVm(vm))).nics.map(({ connected }) => connected);

    test('plugs all cards in and out, on or off; so already is success', async () => {
      const intent = intentFor();
      const vm = await newVm({ ...vmSpec('substituteVm'), nics: [nic(false), nic(false)] }, intent);
      const plug = (connected: boolean) =>
        settled(bench.under.hypervisor.setNicsConnected({ vmId: vm.vmId, connected }, intentFor(intent.scenarioId)));
      await plug(false);
      expect(await nicsOf(vm)).toEqual([false, false]);
      await plug(true);
      expect(await nicsOf(vm)).toEqual([true, true]);
      await settled(bench.under.hypervisor.powerOnVm(vm, intent));
      expect(await nicsOf(vm)).toEqual([true, true]);
      await plug(false);
      await plug(false);
      expect(await nicsOf(vm)).toEqual([false, false]);
      await plug(true);
      expect(await nicsOf(vm)).toEqual([true, true]);
      await plug(false);
      await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
      expect(await nicsOf(vm)).toEqual([false, false]);
    });

    test('a VM that was made unplugged is not on the network once it runs', async () => {
      const intent = intentFor();
      const vm = await newVm(vmSpec('substituteVm'), intent);
      await settled(bench.under.hypervisor.powerOnVm(vm, intent));
      expect(await nicsOf(vm)).toEqual([false]);
      await settled(bench.under.hypervisor.powerOffVm({ ...vm, how: 'hard' }, intent));
    });

    test('one VM of a scenario is on the network; of another scenario any number', async () => {
      const scenario = newScenario();
      const first = await newVm({ ...vmSpec('substituteVm'), nics: [nic(true)] }, intentFor(scenario));
      const second = await newVm(vmSpec('testVm'), intentFor(scenario));
      const stranger = await newVm(vmSpec('substituteVm'), intentFor());
      const plug = (vm: { readonly vmId: string }, connected: boolean) =>
        bench.under.hypervisor.setNicsConnected({ vmId: vm.vmId, connected }, intentFor(scenario));
      expect(await refusal(plug(second, true))).toBe('invalidState');
      expect(await nicsOf(second)).toEqual([false]);
      await settled(plug(second, false));
      await settled(bench.under.hypervisor.setNicsConnected({ vmId: stranger.vmId, connected: true }, intentFor()));
      await settled(plug(first, false));
      await settled(plug(second, true));
      expect(await refusal(plug(first, true))).toBe('invalidState');
      expect(await nicsOf(first)).toEqual([false]);
    });

    test('a VM that is not there is not found', async () => {
      const gone = bench.under.hypervisor.setNicsConnected(
        { vmId: `no-such-vm-${bench.runId()}`, connected: true },
        intentFor(),
      );
      expect(await refusal(gone)).toBe('notFound');
    });
  });
}
