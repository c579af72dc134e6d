import { RemoteMasterSession } from '#engine/appliance/RemoteMasterSession.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { SimulatedAddressProbe } from '#simulators/addressProbe/SimulatedAddressProbe.ts';
import { SimulatedFenceDevice } from '#simulators/fenceDevice/SimulatedFenceDevice.ts';
import { SimulatedHypervisor } from '#simulators/hypervisor/SimulatedHypervisor.ts';
import { SimulatedReplica } from '#simulators/replica/SimulatedReplica.ts';
import type { SiteEars } from './site.ts';

type Timed = { readonly ears: SiteEars; readonly nowMs: () => number };
type Method = (this: object, ...call: readonly unknown[]) => Promise<unknown>;

/** The site that is heard now: one run at a time in a process. */
let heard: Timed | undefined;
let tapped = false;

/** Hears what the parties of the next site really find and do, whatever a chart is told of it. */
export function tapParties(site: Timed): void {
  heard = site;
  if (tapped) return;
  tapped = true;
  tap(RemoteMasterSession.prototype, 'look', (_t, _call, found) => {
    const { alive, evidence } = found as { readonly alive: boolean; readonly evidence: string };
    heard?.ears.observe({ t: now(), kind: 'look', alive, evidence });
  });
  tap(SimulatedAddressProbe.prototype, 'probe', (t, [asked], found) => {
    const { addresses } = asked as { readonly addresses: readonly string[] };
    const { answers } = found as { readonly answers: readonly unknown[] };
    // From its first question on: whoever was frozen meanwhile has an old answer in his hands.
    heard?.ears.observe({ t, kind: 'probe', addresses, answered: answers.length > 0 });
  });
  for (const name of ['createVm', 'powerOnVm', 'powerOffVm', 'setNicsConnected', 'attachDisk', 'detachDisk'] as const)
    tap(SimulatedHypervisor.prototype, name, (_, [, intent]) => obeyed('hypervisor', name, intent));
  for (const name of ['unregisterVm', 'deleteChildDisk', 'createDisk'] as const)
    tap(SimulatedHypervisor.prototype, name, (_, [, intent]) => obeyed('hypervisor', name, intent));
  tap(SimulatedFenceDevice.prototype, 'powerOff', (_, [intent]) => obeyed('fence device', 'powerOff', intent));
  for (const name of ['receive', 'finish'] as const)
    tap(SimulatedReplica.prototype, name, (_, [, intent]) => obeyed('replica', name, intent));
  for (const name of ['freeze', 'stop'] as const)
    tap(SimulatedReplica.prototype, name, (_, [intent]) => obeyed('replica', name, intent));
}

function obeyed(actuator: string, name: string, intent: unknown): void {
  const { epoch, ticket } = intent as Intent;
  heard?.ears.observe({ t: now(), kind: 'actuated', actuator, name, epoch, ticket });
}

const now = (): number => heard?.nowMs() ?? 0;

/** `hear` gets the time of the call, its arguments and its answer; a refusal did nothing. */
function tap(
  prototype: object,
  name: string,
  hear: (calledMs: number, call: readonly unknown[], answer: unknown) => void,
): void {
  const methods = prototype as Record<string, Method>;
  const method = methods[name];
  if (!method) throw new RangeError(`there is no method ${name} to hear`);
  methods[name] = async function (...call) {
    const [site, calledMs] = [heard, now()];
    const answer = await method.call(this, ...call);
    if (heard === site) hear(calledMs, call, answer);
    return answer;
  };
}
