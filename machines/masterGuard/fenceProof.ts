import { fault, faultText } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import type { FenceFacts } from '#machines/scenario/context.ts';
import type { Epoch, ScenarioDefinition, Verification, VerificationFinding } from '#machines/vocabulary.ts';
import type { GuardDescription } from '#machines/parties/masterGuard.ts';
import { timingFindings } from './leaseTiming.ts';

/** A master that really leaves its network when its lease lapses, and is reset when its guard cannot do it. */
export function leaseProvable({ fence }: ScenarioDefinition, { guard, witness }: FenceFacts): boolean {
  return (
    witness !== undefined &&
    guard !== undefined &&
    guard.isolation !== 'recordOnly' &&
    guard.watchdog !== undefined &&
    guard.watchdog.periodMs <= fence.timing.watchdogMs
  );
}

const deviceProvable = ({ fence }: ScenarioDefinition, { devicePower }: FenceFacts): boolean =>
  fence.device !== undefined && devicePower === 'on';

/**
 * What can be proven here, and what follows: automatic switchover only where the end of the master can be proven
 * without asking anybody (guide 6-16 advises manual over a WAN for the same reason).
 */
export function verifyFence(
  definition: ScenarioDefinition,
  facts: FenceFacts,
  { epoch, applianceNode }: { readonly epoch: Epoch; readonly applianceNode: string },
): Verification {
  const misplaced = witnessFindings(definition, facts, epoch, applianceNode);
  const timing = timingFindings(definition);
  const gaps = gapsOf(definition, facts);
  const isProvable =
    facts.witness !== undefined && (deviceProvable(definition, facts) || leaseProvable(definition, facts));
  if (definition.switchover === 'manual') return { errors: misplaced, warnings: timing };
  return isProvable
    ? { errors: [...misplaced, ...timing], warnings: gaps }
    : { errors: [...misplaced, ...timing, ...gaps], warnings: [] };
}

/** Each missing piece of a proof. */
function gapsOf({ fence }: ScenarioDefinition, facts: FenceFacts): VerificationFinding[] {
  const { guard, witness, devicePower } = facts;
  const gaps: VerificationFinding[] = [];
  if (fence.witness === undefined) gaps.push(unprovable('ウィットネスがありません', 'there is no witness'));
  else if (witness === undefined)
    gaps.push(
      unprovable(
        `ウィットネス ${fence.witness.host} に接続できません`,
        `the witness ${fence.witness.host} cannot be reached`,
      ),
    );
  if (guard === undefined)
    gaps.push(unprovable('マスタのガードに接続できません', 'the guard on the master cannot be reached'));
  if (fence.device !== undefined) {
    const { host } = fence.device;
    if (devicePower !== 'on')
      gaps.push(
        unprovable(
          `フェンス装置 ${host} からマスタの電源状態を確認できません`,
          `the fence device ${host} does not read the master as powered on (${devicePower ?? 'no answer'})`,
        ),
      );
  } else if (guard !== undefined) gaps.push(...leaseGaps(guard, fence.timing.watchdogMs));
  return gaps;
}

function leaseGaps({ isolation, watchdog }: GuardDescription, watchdogMs: number): VerificationFinding[] {
  const gaps: VerificationFinding[] = [];
  if (isolation === 'recordOnly')
    gaps.push(
      unprovable('マスタに切り離せる本番ネットワークがありません', 'the guard has no production network to take down'),
    );
  if (watchdog === undefined)
    gaps.push(
      unprovable(
        'フェンス装置もウォッチドッグもありません。マスタが停止せずに固まると切り離せません',
        'there is neither a fence device nor a watchdog, so a frozen master could thaw later',
      ),
    );
  else if (watchdog.periodMs > watchdogMs)
    gaps.push(
      unprovable(
        `ウォッチドッグの周期 ${watchdog.periodMs} ms が watchdogMs ${watchdogMs} を超えています`,
        `the watchdog's period of ${watchdog.periodMs} ms exceeds watchdogMs ${watchdogMs}`,
      ),
    );
  return gaps;
}

const unprovable = (ja: string, en: string): VerificationFinding => ({
  code: 'fenceUnprovable',
  ja: faultText(fault('fenceUnprovable', { reason: ja }), 'ja'),
  en: faultText(fault('fenceUnprovable', { reason: en }), 'en'),
});

function witnessFindings(
  { fence, master, appliance }: ScenarioDefinition,
  { witness, guard, faults }: FenceFacts,
  epoch: Epoch,
  applianceNode: string,
): VerificationFinding[] {
  const findings: VerificationFinding[] = [];
  const stands = fence.witness?.host;
  const isMisplaced =
    stands !== undefined &&
    ([master.host, appliance.host].includes(stands) ||
      (witness !== undefined && [applianceNode, guard?.node].includes(witness.node)));
  if (isMisplaced) findings.push(finding('witnessMisplaced', { host: stands }));
  // An appliance that was set back to an old state does not know what it has done since.
  for (const known of [witness?.claimedEpoch ?? witness?.epoch ?? 0, guard?.epoch ?? 0])
    if (known > epoch) findings.push(finding('staleEpoch', { theirs: epoch, ours: known }));
  for (const { code, params } of faults)
    if (code === 'badCredentials' || code === 'untrustedCertificate') findings.push(finding(code, params));
  if (guard?.actuationMs !== undefined && guard.actuationMs > fence.timing.actuationMs)
    findings.push(
      finding('unsafeTiming', {
        field: 'fence.timing.actuationMs',
        reason: `actuationMs ≥ ${guard.actuationMs}: ${fence.timing.actuationMs}`,
      }),
    );
  return findings;
}

function finding(code: FaultCode, params: Record<string, string | number>): VerificationFinding {
  const value = fault(code, params);
  return { code, ja: faultText(value, 'ja'), en: faultText(value, 'en') };
}
