type Refusal = { readonly code: string; readonly ja: string; readonly en: string };

export const dataRecoveryCommands = ['recoverData', 'mountRecoveryPoint', 'restoreFiles', 'endRecovery'] as const;
export type DataRecoveryCommand = (typeof dataRecoveryCommands)[number];

const refusals = {
  notCapable: {
    code: 'capabilityMissing',
    ja: 'このエンジンはデータ リカバリに対応していません。',
    en: 'This engine is not capable of data recovery.',
  },
  recoveryUnderWay: {
    code: 'recoveryUnderWay',
    ja: 'データ リカバリは既に開始されています。先に終了してください。',
    en: 'A data recovery has begun already. End it first.',
  },
  notReadable: {
    code: 'replicaNotReadable',
    ja: 'この状態ではリカバリ ポイントを読み取れません。レプリカが整合しているとき (実行中または停止) に実行してください。代替仮想マシンの稼働中は、ファイルを代替仮想マシンから直接コピーしてください。',
    en: 'The recovery points cannot be read in this state. Ask again while the scenario is Running or Stopped. While the substitute VM is the active side, copy the files from it.',
  },
  notListed: {
    code: 'noRecoveryUnderWay',
    ja: 'データ リカバリは開始されていません。先にリカバリ ポイントを表示してください (ガイド 12-2)。',
    en: 'No data recovery is under way. List the recovery points first (guide 12-2).',
  },
  notMounted: {
    code: 'notMounted',
    ja: 'リカバリ ポイントがマウントされていません。マウントの完了を待ってください (ガイド 12-4)。',
    en: 'No recovery point is mounted. Choose one and wait until it is (guide 12-4).',
  },
} as const satisfies Record<string, Refusal>;

/** Where a recovery may begin: the first name of a state. */
const readable = ['stopped', 'replicating'];

/** Why a command is refused: by the first name of the state, and whether a recovery is under way there. */
export function dataRecoveryRefusal(command: DataRecoveryCommand, state: string, underWay: boolean): Refusal {
  if (command === 'recoverData') {
    if (underWay) return refusals.recoveryUnderWay;
    return readable.includes(state) ? refusals.notCapable : refusals.notReadable;
  }
  if (!underWay) return refusals.notListed;
  return command === 'restoreFiles' ? refusals.notMounted : refusals.recoveryUnderWay;
}
