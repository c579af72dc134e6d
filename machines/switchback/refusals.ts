/** A refused command: the reason, in both languages (law L7). */
export type Refusal = { readonly code: string; readonly ja: string; readonly en: string };

export const switchbackCommands = [
  'reverse',
  'confirmMapping',
  'switchback',
  'undoSwitchback',
  'confirmTargetOff',
  'refreshVolumes',
  'confirmVolumes',
] as const;
export type SwitchbackCommand = (typeof switchbackCommands)[number];

/** The states of the way back, by their first name. */
const wayBack = ['verifyingTarget', 'awaitingMapping', 'reverseSynchronizing', 'reverseReplicating', 'endingReverse'];
const turning = ['switchingBack', 'undoingSwitchback'];
const turned = ['switchedBack', 'refreshingVolumes'];

const notSwitchedOver: Refusal = {
  code: 'notSwitchedOver',
  ja: 'シナリオはスイッチオーバー済みではありません。リバース レプリケーションは、代替仮想マシンが稼働し、シナリオが停止しているときにのみ実行できます (ガイド 11.1-7)。',
  en: 'The scenario is not switched over. Reverse replication runs only while the substitute VM is the active side and the scenario is stopped (guide 11.1-7).',
};
const reverseUnderWay: Refusal = {
  code: 'reverseUnderWay',
  ja: 'リバース レプリケーションは既に開始されています。やり直すには、先に停止してください。',
  en: 'Reverse replication has begun already. Stop it first to begin again.',
};
const switchbackUnderWay: Refusal = {
  code: 'switchbackUnderWay',
  ja: 'スイッチバックの処理中です。完了または取り消しを待ってください。',
  en: 'A switchback is under way. Wait until it is complete or undone.',
};
const volumesNotRefreshed: Refusal = {
  code: 'volumesNotRefreshed',
  ja: 'スイッチバック後のボリューム設定が更新されていません。マスタのルート ディレクトリで P2V ボリューム設定を更新してから実行してください (ガイド 11.2-4)。',
  en: 'The volumes have not been refreshed since the switchback. Refresh the volumes of the master first (guide 11.2-4).',
};
const notCapable: Refusal = {
  code: 'capabilityMissing',
  ja: 'このエンジンはリバース レプリケーションに対応していません。代替仮想マシンが引き続き稼働します。',
  en: 'This engine is not capable of reverse replication. The substitute VM goes on serving.',
};
const notReversed: Refusal = {
  code: 'notReverseReplicating',
  ja: 'リバース レプリケーションが完了していないため、スイッチバックできません。状態が「リバース レプリケーション中」になるまで待ってください。',
  en: 'The machine to be restored does not follow the substitute VM, so nothing can be switched back. Wait until the state is Reverse replication.',
};
const nothingToConfirm: Refusal = {
  code: 'nothingToConfirm',
  ja: '確認を待っている項目はありません。',
  en: 'Nothing waits for this confirmation.',
};
const nothingToUndo: Refusal = {
  code: 'nothingToUndo',
  ja: '取り消しを待っているスイッチバックはありません。',
  en: 'No switchback waits to be undone.',
};
const notSwitchedBack: Refusal = {
  code: 'notSwitchedBack',
  ja: 'ボリューム設定の更新は、スイッチバックの完了後に行います (ガイド 11.2-4)。',
  en: 'The volumes are refreshed after a switchback (guide 11.2-4).',
};

/** Why a command of the way back is refused in a state, by the state's first name. */
export function switchbackRefusal(command: SwitchbackCommand, state: string): Refusal {
  if (turning.includes(state) && command !== 'undoSwitchback' && command !== 'confirmTargetOff')
    return switchbackUnderWay;
  switch (command) {
    case 'reverse':
      if (wayBack.includes(state)) return reverseUnderWay;
      return state === 'switchedOver' ? notCapable : notSwitchedOver;
    case 'switchback':
      return notReversed;
    case 'undoSwitchback':
      return turning.includes(state) ? switchbackUnderWay : nothingToUndo;
    case 'refreshVolumes':
      return notSwitchedBack;
    default:
      return nothingToConfirm;
  }
}

/** Why Run, Stop, Switchover or a change of properties is refused from the reversal to the refresh (R1); undefined elsewhere. */
export function whileSwitchingBackRefusal(
  command: 'run' | 'stop' | 'switchover' | 'edit',
  state: string,
): Refusal | undefined {
  if (turning.includes(state)) return switchbackUnderWay;
  if (turned.includes(state))
    return command === 'stop'
      ? { code: 'notRunning', ja: 'シナリオは実行中ではありません。', en: 'The scenario is not running.' }
      : volumesNotRefreshed;
  if (!wayBack.includes(state)) return undefined;
  if (command === 'switchover')
    return {
      code: 'reversed',
      ja: 'リバース レプリケーション中です。元のマシンに戻すには、スイッチバックを実行してください (ガイド 11.2-1)。',
      en: 'The scenario is reversed. To return to the restored machine, perform the switchback (guide 11.2-1).',
    };
  return command === 'stop'
    ? {
        code: 'endingReverse',
        ja: 'リバース レプリケーションを停止しています。',
        en: 'Reverse replication is being stopped already.',
      }
    : reverseUnderWay;
}
