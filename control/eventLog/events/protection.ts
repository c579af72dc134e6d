import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** Synchronization, replication and the Is Alive check. */
export const protectionEvents = {
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
  masterRebooted: {
    number: 'WR90030',
    severity: 'warning',
    ja: 'マスタのホストが再起動しました。',
    en: 'The host of the master was restarted.',
  },
  replicationSuspended: {
    number: 'SR90031',
    severity: 'significant',
    ja: 'レプリケーションを一時停止しました。変更はマスタのスプールに保持されます。',
    en: 'Replication was suspended. Changes are kept in the spool of the master.',
  },
  replicationResumed: {
    number: 'SR90032',
    severity: 'significant',
    ja: 'レプリケーションを再開しました。',
    en: 'Replication was resumed.',
  },
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
  masterNotice: {
    number: 'SM90046',
    severity: 'significant',
    ja: 'マスタの応答が {forMs} 秒間ないことが予告されました ({reason})。その間、スイッチオーバーは行われません。',
    en: 'The master will be silent for {forMs} s, as announced ({reason}). Nothing is switched over meanwhile.',
  },
  maintenanceOver: {
    number: 'IM90047',
    severity: 'information',
    ja: '予告されたメンテナンスの時間が過ぎました。死活監視を再開します。',
    en: 'The announced maintenance is over. The Is Alive check starts again.',
  },

  // the application on a living master (guide product 5)
  masterUnwell: {
    number: 'EM90048',
    severity: 'error',
    ja: 'マスタは稼働していますが、チェック {check} に失敗しました ({evidence})。',
    en: 'The master lives, but its check {check} fails ({evidence}).',
  },
  masterWell: {
    number: 'IM90049',
    severity: 'information',
    ja: 'マスタのすべてのチェックが再び成功しました。',
    en: 'All checks of the master are good again.',
  },
  masterUnwellNotified: {
    number: 'CM90050',
    severity: 'critical',
    ja: 'マスタのチェック {check} は Is Alive タイムアウトを過ぎても失敗しています ({evidence})。管理者の対処を待っています。',
    en: 'Check {check} of the master has failed for longer than the Is Alive timeout ({evidence}). It waits for an administrator.',
  },
} as const satisfies Record<string, CatalogueRecord>;
