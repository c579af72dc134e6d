import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** Files brought back from a recovery point (guide 12). */
export const dataRecoveryEvents = {
  recoveryPointsListed: {
    number: 'IM90251',
    severity: 'information',
    ja: 'リカバリ ポイントが {points} 件あります。',
    en: 'There are {points} recovery points.',
  },
  recoveryPointUnknown: {
    number: 'WM90252',
    severity: 'warning',
    ja: 'リカバリ ポイント {point} はありません。',
    en: 'There is no recovery point {point}.',
  },
  recoveryPointMounted: {
    number: 'SM90253',
    severity: 'significant',
    ja: 'リカバリ ポイント {point} を読み取り専用でマウントしました。',
    en: 'Recovery point {point} was mounted read-only.',
  },
  recoveryPointLost: {
    number: 'WM90254',
    severity: 'warning',
    ja: 'リカバリ ポイントのマウントが終了しました ({reason})。',
    en: 'The mount of the recovery point was ended ({reason}).',
  },
  restoreRefused: {
    number: 'WM90255',
    severity: 'warning',
    ja: 'リストアできません: {fault}',
    en: 'The files cannot be restored: {fault}',
  },
  restoreStarted: {
    number: 'SM90256',
    severity: 'significant',
    ja: '{target} へのリストアを開始しました ({items} 項目)。',
    en: 'Restoring to {target} started ({items} items).',
  },
  /** Guide 12-8. */
  recoveryCompleted: {
    number: 'SM90257',
    severity: 'significant',
    ja: 'リカバリプロセスが終了しました',
    en: 'Recovery process completed',
  },
  dataRecoveryFailed: {
    number: 'EM90258',
    severity: 'error',
    ja: 'データ リカバリに失敗しました: {fault}',
    en: 'Data recovery failed: {fault}',
  },
  dataRecoveryEnded: {
    number: 'IM90259',
    severity: 'information',
    ja: 'データ リカバリを終了しました。',
    en: 'Data recovery was ended.',
  },
} as const satisfies Record<string, CatalogueRecord>;
