import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** A scenario's life, and the engines themselves. */
export const scenarioEvents = {
  scenarioCreated: {
    number: 'IM90001',
    severity: 'information',
    ja: 'シナリオが作成されました。',
    en: 'The scenario was created.',
  },
  scenarioRemoved: {
    number: 'SM90002',
    severity: 'significant',
    ja: 'シナリオが削除されました。レプリカ ディスクは残ります。',
    en: 'The scenario was removed. Its replica disks are kept.',
  },
  scenarioChanged: {
    number: 'SM90012',
    severity: 'significant',
    ja: 'シナリオの設定が変更されました。次回の実行から有効になります。',
    en: 'The scenario was changed. It takes effect with the next Run.',
  },
  verificationStarted: {
    number: 'IM90003',
    severity: 'information',
    ja: 'シナリオの検証を開始しました。',
    en: 'Scenario verification started.',
  },
  verificationFailed: {
    number: 'EM90004',
    severity: 'error',
    ja: 'シナリオの検証でエラーが見つかりました: {findings}',
    en: 'Scenario verification found errors: {findings}',
  },
  verificationPassed: {
    number: 'IM90005',
    severity: 'information',
    ja: 'シナリオの検証に成功しました (警告 {warnings} 件)。',
    en: 'Scenario verification passed ({warnings} warnings).',
  },
  scenarioStarted: {
    number: 'SM90006',
    severity: 'significant',
    ja: 'シナリオを開始しました。',
    en: 'The scenario was started.',
  },
  scenarioStopped: {
    number: 'SM90007',
    severity: 'significant',
    ja: 'シナリオを停止しました ({reason})。',
    en: 'The scenario was stopped ({reason}).',
  },
  commandRefused: {
    number: 'WM90008',
    severity: 'warning',
    ja: 'コマンド {command} は受け付けられませんでした: {reason}',
    en: 'Command {command} was refused: {reason}',
  },
  state: {
    number: 'IM90009',
    severity: 'information',
    ja: '状態が「{label}」に変わりました。',
    en: 'The state is now: {label}.',
  },
  fault: { number: 'EM90010', severity: 'error', ja: '障害が発生しました: {fault}', en: 'A fault occurred: {fault}' },
  verificationWarnings: {
    number: 'WM90011',
    severity: 'warning',
    ja: 'シナリオの検証で警告が見つかりました: {findings}',
    en: 'Scenario verification found warnings: {findings}',
  },
  applianceRestarted: {
    number: 'WM90081',
    severity: 'warning',
    ja: '仮想アプライアンスのエンジンが再起動し、処理を引き継ぎました。',
    en: 'The engine of the appliance was restarted and took up its work.',
  },
  applianceUnreachable: {
    number: 'EM90082',
    severity: 'error',
    ja: '仮想アプライアンスのエンジン {host} に接続できません ({reason})。シナリオの状態は不明です。',
    en: 'The engine of the appliance, {host}, cannot be reached ({reason}). The state of its scenarios is unknown.',
  },
  applianceReplaced: {
    number: 'WM90084',
    severity: 'warning',
    ja: '仮想アプライアンスのエンジン {host} の記録が新しく始まっています。エンジンが再インストールされた可能性があります。シナリオを確認してください。',
    en: 'The engine of the appliance, {host}, has begun a new record; it may have been installed again. Check the scenarios.',
  },
  scenarioRefused: {
    number: 'CM90085',
    severity: 'critical',
    ja: '保存された状態からシナリオを続行できません: {fault}',
    en: 'The scenario cannot go on from what was stored: {fault}',
  },
  applianceReachable: {
    number: 'IM90083',
    severity: 'information',
    ja: '仮想アプライアンスのエンジン {host} に接続しました。',
    en: 'Connected to the engine of the appliance, {host}.',
  },
} as const satisfies Record<string, CatalogueRecord>;
