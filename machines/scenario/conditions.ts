import { leaseProvable } from '#machines/masterGuard/fenceProof.ts';
import type { ScenarioContext } from './context.ts';

/** What a guard asks of the context, with the words and the value that a why / why-not answer shows. */
export type ContextCondition = {
  readonly holds: (context: ScenarioContext) => boolean;
  readonly value: (context: ScenarioContext) => string;
  readonly ja: string;
  readonly en: string;
};

const condition = (
  ja: string,
  en: string,
  holds: ContextCondition['holds'],
  value: ContextCondition['value'] = (context) => String(holds(context)),
): ContextCondition => ({ ja, en, holds, value });

/** The named guards of the charts that decide by the context alone. */
export const conditions = {
  isAutomatic: condition(
    'スイッチオーバーの方式が自動である',
    'the switchover mode is automatic',
    (c) => c.definition.switchover === 'automatic',
    (c) => c.definition.switchover,
  ),
  speculates: condition(
    '代替仮想マシンの投機起動が有効である',
    'the double is booted speculatively',
    (c) =>
      c.definition.switchover === 'automatic' && c.definition.speculation && c.capabilities.includes('speculation'),
    (c) => String(c.definition.speculation),
  ),
  isSpeculative: condition(
    'スイッチオーバーの判定前に代替仮想マシンを起動する',
    'the double is raised before the verdict',
    (c) => c.takeover?.speculative === true,
  ),
  isOperatorsWish: condition(
    '管理者がスイッチオーバーを指示した',
    'the operator has commanded the switchover',
    (c) => c.takeover?.cause === 'operator',
    (c) => c.takeover?.cause ?? '-',
  ),
  mastersAilment: condition(
    'マスタは稼働しているが、アプリケーションが応答しない',
    'the master lives, its application does not',
    (c) => c.takeover?.cause === 'masterUnwell',
    (c) => c.takeover?.cause ?? '-',
  ),
  isCooperative: condition(
    'マスタに切り離しを依頼できる',
    'the master can be asked to leave its network',
    (c) => c.takeover?.cause === 'operator' || c.takeover?.cause === 'masterUnwell',
    (c) => c.takeover?.cause ?? '-',
  ),
  isUnwell: condition(
    'マスタのアプリケーションのチェックに失敗している',
    'a check of the master fails',
    (c) => c.unwell !== undefined,
    (c) => c.unwell?.check ?? '-',
  ),
  takesOverUnwell: condition(
    'チェックの失敗によるスイッチオーバーが有効である',
    'a failing check may lead to a switchover',
    (c) =>
      c.definition.switchover === 'automatic' &&
      c.definition.isAlive.checks?.action === 'switchover' &&
      c.unwellGivenUp !== true,
    (c) => c.definition.isAlive.checks?.action ?? '-',
  ),
  mayTest: condition(
    'アシュアード リカバリが構成され、エンジンが対応している',
    'assured recovery was chosen, and the engine is capable of it',
    (c) => c.definition.assuredRecovery !== undefined && c.capabilities.includes('assuredRecovery'),
    (c) => String(c.definition.assuredRecovery !== undefined),
  ),
  testNetworkMapped: condition(
    'アシュアード リカバリ ネットワーク アダプタ マッピングが設定されている',
    'a network is mapped for assured recovery',
    (c) => c.definition.substituteVm.nicMapping.assuredRecovery.length > 0,
    (c) => c.definition.substituteVm.nicMapping.assuredRecovery.map(({ network }) => network).join(', ') || '-',
  ),
  isManualTest: condition(
    '手動テストである',
    'the test is manual',
    (c) => c.test?.mode === 'manual',
    (c) => c.test?.mode ?? '-',
  ),
  manualTestVm: condition(
    'ダブルは手動テストの仮想マシンである',
    'the double is the VM of a manual test',
    (c) => c.double?.role === 'testVm' && c.test?.mode === 'manual',
    (c) => c.double?.role ?? '-',
  ),
  moreChecks: condition(
    '行われていないチェックがある',
    'there is another check',
    (c) => (c.test?.results.length ?? 0) < (c.definition.assuredRecovery?.checks.length ?? 0),
    (c) => `${c.test?.results.length ?? 0} / ${c.definition.assuredRecovery?.checks.length ?? 0}`,
  ),
  hasSchedule: condition(
    'スケジュール タスクが設定されている',
    'a task is scheduled',
    (c) => c.definition.schedule !== undefined,
    (c) => c.definition.schedule?.task ?? '-',
  ),
  testIsDue: condition(
    '整合性テストがスケジュールされている',
    'the scheduled task is an integrity test',
    (c) =>
      c.definition.schedule?.task === 'assuredRecovery' &&
      c.definition.assuredRecovery !== undefined &&
      c.capabilities.includes('assuredRecovery'),
    (c) => c.definition.schedule?.task ?? '-',
  ),
  suspensionIsDue: condition(
    '一時停止がスケジュールされている',
    'the scheduled task is a suspension',
    (c) => c.definition.schedule?.task === 'suspension',
    (c) => c.definition.schedule?.task ?? '-',
  ),
  isSuspendedBySchedule: condition(
    'スケジュールによる一時停止である',
    'the suspension was scheduled',
    (c) => c.suspendedBySchedule === true,
  ),
  syncsOffline: condition(
    'オフライン同期が選択され、データはまだ取り込まれていない',
    'offline synchronization was chosen, and nothing was adopted yet',
    (c) => (c.syncChoice?.method ?? c.definition.syncMethod) === 'offline' && c.seed?.adopted !== true,
    (c) => c.syncChoice?.method ?? c.definition.syncMethod,
  ),
  hasTakeover: condition(
    'スイッチオーバーの試行がある',
    'an attempt to take over was made',
    (c) => c.takeover !== undefined,
    (c) => c.takeover?.cause ?? '-',
  ),
  hasWitness: condition(
    'ウィットネスが構成されている',
    'a witness is configured',
    (c) => c.definition.fence.witness !== undefined,
    (c) => c.definition.fence.witness?.host ?? '-',
  ),
  hasFenceDevice: condition(
    'フェンス装置が構成されている',
    'a fence device is configured',
    (c) => c.definition.fence.device !== undefined,
    (c) => c.definition.fence.device?.host ?? '-',
  ),
  deviceProves: condition(
    'フェンス装置でマスタの停止を証明でき、再び電源が入っても切り離されたまま起動する',
    'a fence device proves that the master has stopped, and an armed guard keeps it isolated when it is switched on again',
    (c) => c.definition.fence.device !== undefined && c.armed,
    (c) => (c.armed ? (c.definition.fence.device?.host ?? '-') : 'not armed'),
  ),
  leaseProves: condition(
    'リースの失効によってマスタの停止を証明できる',
    'a lapsed lease proves that the master has stopped',
    // The guard of a manual scenario lets its leases lapse without any consequence.
    (c) => c.armed && c.definition.switchover === 'automatic' && leaseProvable(c.definition, c.fence),
    (c) => (c.armed ? (c.fence.guard?.isolation ?? '-') : 'not armed'),
  ),
  awaitsJournals: condition(
    '切り離されたマスタに残るジャーナルの適用を待つ',
    'the journals that an isolated master still holds are waited for',
    // Only a master that lives, isolated, has any to give.
    (c) => c.takeover?.proof === 'masterIsolated' && c.takeover.waitForJournals,
  ),
  hasDouble: condition(
    '起動済みのダブルがある',
    'a double stands already',
    (c) => c.double !== undefined,
    (c) => c.double?.role ?? '-',
  ),
  doubleOnChildren: condition(
    'ダブルは子ディスクで動作している',
    'the double runs on child disks',
    (c) => c.double?.onChildren === true,
  ),
  hasDoubleVm: condition(
    'ダブルの仮想マシンが作成されている',
    'the virtual machine of the double exists',
    (c) => c.double?.vmId !== undefined,
    (c) => c.double?.vmId ?? '-',
  ),
  isFenceProven: condition(
    'マスタの停止が証明されている',
    'it is proven that the master serves nobody',
    (c) => c.takeover?.proof !== undefined,
    (c) => c.takeover?.proof ?? '-',
  ),
  isProofStrong: condition(
    '停止の証明がリース失効だけに依存していない',
    'the proof does not rest on a lapsed lease alone',
    (c) => c.takeover?.proof !== undefined && c.takeover.proof !== 'leaseLapsed',
    (c) => c.takeover?.proof ?? '-',
  ),
  ownClaimStands: condition('自身の承認が残っている', 'its own claim stands', (c) => c.takeover?.ownClaim === true),
  witnessClaimStands: condition(
    'ウィットネスの承認が残っている',
    "the witness's claim stands",
    (c) => c.takeover?.witnessClaim === true,
  ),
  witnessMayGrant: condition(
    'ウィットネスの承認がないまま、管理者がマスタの停止を確認した',
    'the operator has vouched for the master while the witness has promised nothing',
    (c) =>
      c.definition.fence.witness !== undefined &&
      c.takeover?.proof === 'operatorAssertion' &&
      c.takeover.witnessSettled !== true,
    (c) => c.definition.fence.witness?.host ?? '-',
  ),
  masterIsolated: condition(
    'マスタに切り離しを指示した',
    'the master was told to leave its network',
    (c) => c.takeover?.isolatedIn !== undefined,
  ),
  wantsReverse: condition(
    'スイッチオーバー後のリバース レプリケーションが選択されている',
    'reverse replication after the switchover is chosen',
    (c) => c.takeover?.reverseAfterwards === true,
  ),
  gateNeverOpened: condition(
    '代替仮想マシンはネットワークに接続されていない',
    'the double was never plugged in',
    (c) => c.substituteVmId === undefined,
  ),
  moreDisks: condition(
    '処理していないディスクがある',
    'there is another disk',
    (c) => c.diskIndex < c.disks.length,
    (c) => `${c.diskIndex} / ${c.disks.length}`,
  ),
  verificationFailed: condition(
    '検証でエラーが見つかった',
    'verification found errors',
    (c) => c.verification.errors.length > 0,
    (c) => String(c.verification.errors.length),
  ),
  inMaintenance: condition(
    'マスタがメンテナンスを予告している',
    'the master has announced maintenance',
    (c) => c.maintenanceMs > 0,
    (c) => `${c.maintenanceMs} ms`,
  ),
  runsAfterReboot: condition(
    '「再起動後に実行」が有効である',
    '"run after reboot" is on',
    (c) => c.definition.runAfterReboot,
  ),
  isSynchronized: condition('同期が完了している', 'a synchronization has completed', (c) => c.synchronized),
} as const satisfies Record<string, ContextCondition>;

export type ConditionName = keyof typeof conditions;

type Scope = { readonly context: ScenarioContext };

/** The same as guards of the chart. */
export const contextGuards = Object.fromEntries(
  Object.entries(conditions).map(([name, { holds }]) => [name, ({ context }: Scope) => holds(context)]),
) as { readonly [Name in ConditionName]: (scope: Scope) => boolean };
