import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** From the command or the silence to the double in the place of its master. */
export const switchoverEvents = {
  takeoverBegun: {
    number: 'SM90076',
    severity: 'significant',
    ja: '代替仮想マシンの引き継ぎを準備しています。マスタの停止が証明されるまで、ネットワークには接続されません。',
    en: 'The double gets ready to take over. It is kept off its network until the end of the master is proven.',
  },
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
  /** Guide product 6.2, 11.1. */
  reverseAwaitsMachine: {
    number: 'SM90089',
    severity: 'significant',
    ja: 'スイッチオーバー後のリバース レプリケーションが選択されています。復元するマシンをブート キットで起動し、リバース レプリケーションを実行してください。',
    en: 'Reverse replication after the switchover was chosen. Boot the machine to be restored from the boot kit, then begin the reverse replication.',
  },
  takeoverWithdrawn: {
    number: 'SM90069',
    severity: 'significant',
    ja: 'スイッチオーバーを取り消しました ({why})。',
    en: 'The switchover was withdrawn ({why}).',
  },
  doubleFailed: {
    number: 'EM90070',
    severity: 'error',
    ja: '代替仮想マシンを準備できませんでした ({fault})。自動的に再試行します。',
    en: 'The substitute VM could not be prepared ({fault}). It is tried again automatically.',
  },
  doubleDiscarded: {
    number: 'SM90071',
    severity: 'significant',
    ja: '起動済みの代替仮想マシンを破棄しました (書き込み {bytes} バイト)。レプリカは変更されていません。',
    en: 'The double that was booted already was discarded ({bytes} bytes written). The replica is unchanged.',
  },
  discardDelayed: {
    number: 'WM90072',
    severity: 'warning',
    ja: '代替仮想マシンを破棄できませんでした ({fault})。自動的に再試行します。',
    en: 'The double could not be discarded ({fault}). It is tried again automatically.',
  },
  switchoverDelayed: {
    number: 'WM90073',
    severity: 'warning',
    ja: 'スイッチオーバーを続行できません ({fault})。自動的に再試行します。',
    en: 'The switchover cannot go on ({fault}). It is tried again automatically.',
  },
  addressAlive: {
    number: 'CM90074',
    severity: 'critical',
    ja: '本番アドレス {address} に {by} が応答しています。応答がなくなるまで、代替仮想マシンはネットワークに接続されません。',
    en: '{by} still answers for the production address {address}. The substitute VM is kept off its network until nobody does.',
  },
  addressesUnprobed: {
    number: 'WM90075',
    severity: 'warning',
    ja: '本番アドレスを確認できませんでした ({fault})。マスタの停止は証明されているため続行します。',
    en: 'The production addresses could not be probed ({fault}). It goes on, because the end of the master is proven.',
  },
} as const satisfies Record<string, CatalogueRecord>;
