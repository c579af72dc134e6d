import { PartyFault } from '#machines/faults.ts';
import type { Intent } from '#machines/parties/intent.ts';
import type { VimData } from '#engine/protocol/vim25/values.ts';
import { booleanAt, dataAt, numberAt, textAt } from '#engine/protocol/vim25/values.ts';
import { readHardware, reconfigure } from './hardware.ts';
import { nicsIn, readVm, readVms } from './inventory.ts';
import type { EsxiSession } from './inventory.ts';
import { vmRef } from './virtualMachines.ts';

/**
 * Plugs all cards of a VM in or out, now and at its next start, and reads back that they are. Plugging in looks first
 * whether another double of the scenario is on the network: two of them would answer to one address.
 *
 * Faults: `invalidState`, `notFound`, `busy`, `hypervisorRefused` (a card did not follow), `effectUnknown`.
 */
export async function setNetworkCards(
  session: EsxiSession,
  { vmId, connected }: { readonly vmId: string; readonly connected: boolean },
  intent: Intent,
): Promise<void> {
  const vms = await readVms(session);
  const vm = vms.find((candidate) => candidate.vmId === vmId);
  if (vm === undefined) throw new PartyFault('notFound', { object: vmId });
  const rival = vms.find(
    ({ vmId: otherId, tag, nics }) =>
      otherId !== vmId &&
      tag?.scenarioId === intent.scenarioId &&
      tag.role !== 'appliance' &&
      nics.some((nic) => nic.connected),
  );
  if (connected && rival !== undefined) {
    const reason = `${rival.name} of the same scenario is on the network`;
    throw new PartyFault('invalidState', { object: vm.name, reason });
  }
  const ref = vmRef(vmId);
  const hardware = await readHardware(session, ref);
  const changes = nicsIn(hardware.devices)
    .filter((nic) => !isPlugged(nic, connected, vm.power === 'on'))
    .map((nic) => ({ operation: 'edit' as const, device: withPlug(nic, connected) }));
  if (changes.length === 0) return;
  await reconfigure(session, ref, hardware, changes, intent.deadlineAtMs);
  if ((await readVm(session, ref)).nics.some((nic) => nic.connected !== connected)) {
    const reason = `a network card of ${vm.name} did not follow`;
    throw new PartyFault('hypervisorRefused', { host: session.host, reason });
  }
}

/** Whether a card is so already: at the next start, and now when the VM runs. */
const isPlugged = (nic: VimData, connected: boolean, running: boolean): boolean =>
  booleanAt(nic, 'connectable.startConnected') === connected &&
  (!running || booleanAt(nic, 'connectable.connected') === connected);

/** What names the card to the host, and the plug; the rest of what was read may be newer than the table. */
function withPlug(nic: VimData, connected: boolean): VimData {
  const network = textAt(nic, 'backing.deviceName');
  const switchUuid = textAt(nic, 'backing.port.switchUuid');
  return {
    ...(nic.$type === undefined ? {} : { $type: nic.$type }),
    key: numberAt(nic, 'key'),
    ...(network === undefined
      ? {}
      : { backing: { $type: dataAt(nic, 'backing')?.$type ?? standardNetwork, deviceName: network } }),
    ...(switchUuid === undefined ? {} : { backing: distributedBacking(nic, switchUuid) }),
    connectable: {
      startConnected: connected,
      allowGuestControl: booleanAt(nic, 'connectable.allowGuestControl') ?? true,
      connected,
    },
    controllerKey: numberAt(nic, 'controllerKey'),
    unitNumber: numberAt(nic, 'unitNumber'),
    addressType: textAt(nic, 'addressType'),
    macAddress: textAt(nic, 'macAddress'),
  };
}

const standardNetwork = 'VirtualEthernetCardNetworkBackingInfo';

const distributedBacking = (nic: VimData, switchUuid: string): VimData => ({
  $type: 'VirtualEthernetCardDistributedVirtualPortBackingInfo',
  port: { switchUuid, portgroupKey: textAt(nic, 'backing.port.portgroupKey') },
});
