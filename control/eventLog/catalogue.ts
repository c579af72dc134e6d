export type Severity = 'critical' | 'error' | 'warning' | 'significant' | 'information';
export type Language = 'ja' | 'en';
export type EventParams = Readonly<Record<string, string | number>>;

type CatalogueRecord = {
  /** `[C|E|W|S|I]` the severity, `[R|M]` replication or management, and a number: what an administrator searches for. */
  readonly number: string;
  readonly severity: Severity;
  readonly ja: string;
  readonly en: string;
};

/** Every sentence of the event log, both languages from one record. Where the guide gives the sentence it is verbatim. */
export const eventCatalogue = {
  // a scenario's life
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

  // synchronization and replication
  synchronizationStarted: {
    number: 'SR90021',
    severity: 'significant',
    ja: '同期を開始しました ({method})。',
    en: 'Synchronization started ({method}).',
  },
  synchronizationCompleted: {
    number: 'SR90022',
    severity: 'significant',
    ja: '同期が完了しました ({bytes} バイト)。',
    en: 'Synchronization completed ({bytes} bytes).',
  },
  synchronizationResumed: {
    number: 'IR90023',
    severity: 'information',
    ja: '同期を中断した位置から再開しました。',
    en: 'Synchronization resumed where it was interrupted.',
  },
  /** Guide 8-4. */
  synchronizationReplicated: {
    number: 'SR90024',
    severity: 'significant',
    ja: '同期処理中の変更はすべてレプリケートされました',
    en: 'All modifications during synchronization period are replicated',
  },
  changesLost: {
    number: 'WR90025',
    severity: 'warning',
    ja: '変更の記録に欠落が見つかりました ({reason})。すべてのブロックを比較し直します。',
    en: 'Some changes were not recorded ({reason}). All blocks are compared again.',
  },
  traceNotPermitted: {
    number: 'WR90026',
    severity: 'warning',
    ja: 'ブロック トレースを使用できません ({reason})。全ブロックの比較で変更を検出します。',
    en: 'Block tracing is not available ({reason}). Changes are found by comparing all blocks.',
  },
  spoolFull: {
    number: 'WR90027',
    severity: 'warning',
    ja: 'スプールの上限に達しました。変更箇所の記録に切り替え、保護は継続します。',
    en: 'The spool reached its limit. Changes are kept as a map of dirty blocks; protection goes on.',
  },
  linkLost: {
    number: 'WR90028',
    severity: 'warning',
    ja: 'マスタとの接続が切断されました ({reason})。自動的に再接続します。',
    en: 'The connection to the master was lost ({reason}). It is made again automatically.',
  },
  linkRestored: {
    number: 'IR90029',
    severity: 'information',
    ja: 'マスタとの接続が回復しました。',
    en: 'The connection to the master is back.',
  },

  // Is Alive
  masterSilent: {
    number: 'WM90041',
    severity: 'warning',
    ja: 'マスタが死活監視 (Is Alive) に応答していません。',
    en: 'The master does not answer the Is Alive check.',
  },
  masterHeard: {
    number: 'IM90042',
    severity: 'information',
    ja: 'マスタが死活監視 (Is Alive) に再び応答しました。',
    en: 'The master answers the Is Alive check again.',
  },
  /** Guide 8-4. */
  isAliveResumed: {
    number: 'IM90043',
    severity: 'information',
    ja: 'Is Alive チェックの再開',
    en: 'Is Alive check resumed',
  },
  masterDown: {
    number: 'CM90044',
    severity: 'critical',
    ja: 'マスタは停止していると判断しました ({evidence})。',
    en: 'The master is considered down ({evidence}).',
  },
  masterDownNotified: {
    number: 'CM90045',
    severity: 'critical',
    ja: 'マスタが停止しています ({evidence})。手動スイッチオーバーが設定されているため、スイッチオーバーの実行を待っています。',
    en: 'The master is down ({evidence}). Switchover is set to manual: it waits for an administrator to run it.',
  },

  // switchover
  switchoverStarted: {
    number: 'SM90061',
    severity: 'significant',
    ja: 'スイッチオーバーを開始しました ({cause})。',
    en: 'Switchover started ({cause}).',
  },
  masterIsolated: {
    number: 'SM90062',
    severity: 'significant',
    ja: 'マスタを業務ネットワークから切り離しました。',
    en: 'The master was taken off its production network.',
  },
  masterIsolationUnproven: {
    number: 'WM90063',
    severity: 'warning',
    ja: 'マスタの切り離しを確認できません ({reason})。マスタが起動している場合は停止してください。',
    en: 'The isolation of the master could not be proven ({reason}). If the master is running, shut it down.',
  },
  substituteVmCreated: {
    number: 'IM90064',
    severity: 'information',
    ja: '代替仮想マシン {vm} を作成しました。',
    en: 'Substitute VM {vm} was created.',
  },
  substituteVmPoweredOn: {
    number: 'SM90065',
    severity: 'significant',
    ja: '代替仮想マシン {vm} の電源を入れました。',
    en: 'Substitute VM {vm} was powered on.',
  },
  guestUp: {
    number: 'SM90066',
    severity: 'significant',
    ja: '代替仮想マシンのゲスト {host} が起動しました。',
    en: 'Guest {host} of the substitute VM is up.',
  },
  /** Guide 10-4. */
  switchoverCompleted: {
    number: 'SM90067',
    severity: 'significant',
    ja: 'スイッチオーバーが完了しました。',
    en: 'Switchover completed.',
  },
  switchoverFailed: {
    number: 'CM90068',
    severity: 'critical',
    ja: 'スイッチオーバーに失敗しました: {fault}',
    en: 'Switchover failed: {fault}',
  },

  // the engines themselves
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
  applianceReachable: {
    number: 'IM90083',
    severity: 'information',
    ja: '仮想アプライアンスのエンジン {host} に接続しました。',
    en: 'Connected to the engine of the appliance, {host}.',
  },
} as const satisfies Record<string, CatalogueRecord>;

export type EventCode = keyof typeof eventCatalogue;

const isEventCode = (code: string): code is EventCode => Object.hasOwn(eventCatalogue, code);

/** An engine of a later version may report a code that is not in the catalogue: it is shown as it came, never dropped. */
export function eventRecord(code: string): CatalogueRecord {
  if (isEventCode(code)) return eventCatalogue[code];
  return { number: 'WM90000', severity: 'warning', ja: `不明なイベント ${code}`, en: `Unknown event ${code}` };
}
