import { z } from 'zod';
import { fault, faultText } from '#machines/faults.ts';
import { isAliveFindings, leaseTimingDefaults, timingFindings } from '#machines/masterGuard/leaseTiming.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { certificateSha256, host, port, secretName, userName, vmName } from './draftFields.ts';
import { fieldRules } from './draftRules.ts';
import type { Finding } from './problem.ts';

const enginePort = 25_000;

const ms = (fallback: number) => z.int().min(0).max(86_400_000).default(fallback);
const usual = leaseTimingDefaults;
const timing = z.strictObject({
  renewMs: ms(usual.renewMs),
  leaseMs: ms(usual.leaseMs),
  guardPollMs: ms(usual.guardPollMs),
  guardRestartMs: ms(usual.guardRestartMs),
  watchdogMs: ms(usual.watchdogMs),
  actuationMs: ms(usual.actuationMs),
  roundTripMs: ms(usual.roundTripMs),
  driftPpm: z.int().min(0).max(100_000).default(usual.driftPpm),
  marginMs: ms(usual.marginMs),
});

const device = { host, port: port.default(443), user: userName, secretName, certificateSha256 };

/** How the end of the master is proven, as an operator describes it. */
export const fence = z
  .strictObject({
    witness: z.strictObject({ host, port: port.default(enginePort) }).exactOptional(),
    device: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('redfish'), ...device, systemId: z.string().min(1).max(64) }),
        z.strictObject({ kind: z.literal('hypervisor'), ...device, vmName }),
      ])
      .exactOptional(),
    timing: timing.prefault({}),
    productionAddresses: z.array(z.ipv4()).max(64).default([]),
  })
  .prefault({});

/**
 * What verification would refuse whatever it found out, and is therefore not saved: times whose safe wait does not hold,
 * and a witness that would die with one of those it is to outlive.
 */
export function safetyFindings(definition: ScenarioDefinition): Finding[] {
  const { fence, switchover, isAlive, master, appliance } = definition;
  // With manual switchover the guard holds no lease that could lapse.
  const timing = switchover === 'automatic' ? timingFindings(definition) : isAliveFindings(isAlive);
  return [
    ...timing.map(({ field, ja, en }) => withWayOut(field, ja, en)),
    ...(fence.witness && [master.host, appliance.host].includes(fence.witness.host)
      ? [misplacedWitness(fence.witness.host)]
      : []),
  ];
}

function misplacedWitness(stands: string): Finding {
  const value = fault('witnessMisplaced', { host: stands });
  return { field: 'fence.witness.host', ja: faultText(value, 'ja'), en: faultText(value, 'en') };
}

function withWayOut(field: string, ja: string, en: string): Finding {
  const wayOut = fieldRules[`${field} unsafe`] ?? fieldRules[field];
  return { field, ja: `${ja}${wayOut?.ja ?? ''}`, en: `${en}${wayOut === undefined ? '' : ` ${wayOut.en}`}` };
}
