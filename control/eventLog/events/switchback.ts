import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** The way back: reverse replication, switchback, volume refresh (guide 11). */
export const switchbackEvents = {
  // reverse replication
  targetVerificationStarted: {
    number: 'IM90201',
    severity: 'information',
    ja: '復元先のマシン {target} の検証を開始しました。',
    en: 'Verification of the machine to be restored, {target}, started.',
  },
  targetUnreachable: {
    number: 'EM90202',
    severity: 'error',
    ja: '復元先のマシンまたは代替仮想マシンを確認できません: {fault}',
    en: 'The machine to be restored or the substitute VM cannot be asked: {fault}',
  },
  targetRefused: {
    number: 'EM90203',
    severity: 'error',
    ja: '復元先のマシン {target} は使用できません。何も書き込まれていません: {findings}',
    en: 'The machine {target} cannot take the system. Nothing was written to it: {findings}',
  },
  mappingProposed: {
    number: 'SM90204',
    severity: 'significant',
    ja: 'マシン {hardwareId} のボリューム マッピングを確認してください: {mapping} ({warnings})',
    en: 'Confirm the volume mapping for machine {hardwareId}: {mapping} ({warnings})',
  },
  mappingConfirmed: {
    number: 'SM90205',
    severity: 'significant',
    ja: 'マシン {hardwareId} のボリューム マッピングが確認されました。対象のディスクは上書きされます。',
    en: 'The volume mapping for machine {hardwareId} was confirmed. Its disks are overwritten.',
  },
  mappingRefused: {
    number: 'WM90206',
    severity: 'warning',
    ja: 'ボリューム マッピングが検証結果と一致しません: {mismatch}。何も書き込まれていません。',
    en: 'The volume mapping does not match what was verified: {mismatch}. Nothing was written.',
  },
  reverseSynchronizationStarted: {
    number: 'SR90207',
    severity: 'significant',
    ja: 'リバース レプリケーションの同期を開始しました ({method})。',
    en: 'Synchronization of the reverse replication started ({method}).',
  },
  reverseSynchronizationCompleted: {
    number: 'SR90208',
    severity: 'significant',
    ja: 'リバース レプリケーションの同期が完了しました ({bytes} バイト)。',
    en: 'Synchronization of the reverse replication completed ({bytes} bytes).',
  },
  reverseReplicating: {
    number: 'SR90209',
    severity: 'significant',
    ja: 'リバース レプリケーション中です (マスタ: {master})。レプリカ {replica} にスイッチバックできます。',
    en: 'Reverse replication runs (master: {master}). The replica {replica} is ready for the switchback.',
  },
  reverseStopped: {
    number: 'SR90210',
    severity: 'significant',
    ja: 'リバース レプリケーションを停止しました。代替仮想マシンが引き続き稼働します。',
    en: 'Reverse replication was stopped. The substitute VM goes on serving.',
  },
  reverseFailed: {
    number: 'ER90211',
    severity: 'error',
    ja: 'リバース レプリケーションに失敗しました。代替仮想マシンが引き続き稼働します: {fault}',
    en: 'Reverse replication failed. The substitute VM goes on serving: {fault}',
  },
  reverseLinkLost: {
    number: 'WR90212',
    severity: 'warning',
    ja: '復元先のマシンとの接続が切断されました ({reason})。代替仮想マシンで変更をスプールします。',
    en: 'The connection to the machine to be restored was lost ({reason}). The substitute VM spools its changes.',
  },
  reverseLinkRestored: {
    number: 'IR90213',
    severity: 'information',
    ja: '復元先のマシン {replica} との接続が回復しました。',
    en: 'The connection to the machine to be restored, {replica}, is back.',
  },
  reverseChangesLost: {
    number: 'WR90214',
    severity: 'warning',
    ja: '代替仮想マシンの変更の記録に欠落が見つかりました ({reason})。すべてのブロックを比較し直します。',
    en: 'Some changes of the substitute VM were not recorded ({reason}). All blocks are compared again.',
  },

  // switchback
  switchbackStarted: {
    number: 'SM90221',
    severity: 'significant',
    ja: 'スイッチバックを開始しました。代替仮想マシン {vm} をシャットダウンし、{target} に戻します。',
    en: 'Switchback started. Substitute VM {vm} is shut down, and {target} takes its place.',
  },
  substituteVmOff: {
    number: 'SM90222',
    severity: 'significant',
    ja: '代替仮想マシン {vm} の停止を確認しました。',
    en: 'Substitute VM {vm} was read back as off.',
  },
  substituteVmStillOn: {
    number: 'CM90223',
    severity: 'critical',
    ja: '代替仮想マシン {vm} の停止を確認できません ({reason})。強制的に停止するか、スイッチバックを取り消してください。',
    en: 'Substitute VM {vm} is not proven off ({reason}). Take its power away, or undo the switchback.',
  },
  switchbackDiffers: {
    number: 'CM90224',
    severity: 'critical',
    ja: '最終照合で差異が見つかりました ({disks})。復元先のマシンは起動しません。',
    en: 'The final comparison found differences ({disks}). The machine is not booted.',
  },
  targetRestarting: {
    number: 'SM90225',
    severity: 'significant',
    ja: '復元したマスタ {target} を再起動します。ネットワークは確認後に接続されます。',
    en: 'The restored master {target} is restarted. It gets its network after it was heard.',
  },
  strangerAnswered: {
    number: 'CM90226',
    severity: 'critical',
    ja: '復元したマスタのアドレスで別のマシンが応答しました。古いマスタが起動していないか確認してください。',
    en: 'Another machine answered at the address of the restored master. Check whether the old master was started.',
  },
  switchbackCompleted: {
    number: 'SM90227',
    severity: 'significant',
    ja: 'スイッチバックが完了しました。',
    en: 'Switchback completed.',
  },
  switchbackFailed: {
    number: 'CM90228',
    severity: 'critical',
    ja: 'スイッチバックに失敗しました。代替仮想マシンに戻します: {fault}',
    en: 'Switchback failed. The substitute VM takes its place again: {fault}',
  },
  switchbackUndoing: {
    number: 'WM90229',
    severity: 'warning',
    ja: 'スイッチバックを取り消しています。',
    en: 'The switchback is being undone.',
  },
  targetIsolated: {
    number: 'SM90230',
    severity: 'significant',
    ja: '復元したマスタを業務ネットワークから切り離しました。',
    en: 'The restored master was taken off its production network.',
  },
  targetPoweredOff: {
    number: 'SM90231',
    severity: 'significant',
    ja: '復元したマスタの電源を切断しました。',
    en: 'The restored master was powered off.',
  },
  targetOffUnproven: {
    number: 'CM90232',
    severity: 'critical',
    ja: '復元したマスタ {target} の停止を確認できません。マシン {hardwareId} の電源を切断してから、停止を確認してください。代替仮想マシンはそれまで起動しません。',
    en: 'Nothing proves that the restored master {target} is off. Switch machine {hardwareId} off, then confirm it. The substitute VM stays off until then.',
  },
  targetOffAsserted: {
    number: 'WM90233',
    severity: 'warning',
    ja: '管理者が復元したマスタの停止を確認しました。',
    en: 'The operator has confirmed that the restored master is off.',
  },
  targetOffRefused: {
    number: 'WM90234',
    severity: 'warning',
    ja: '停止の確認はマシン {hardwareId} に対して行ってください。',
    en: 'The confirmation has to name machine {hardwareId}.',
  },
  switchbackUndone: {
    number: 'WM90235',
    severity: 'warning',
    ja: 'スイッチバックを取り消しました。代替仮想マシン {vm} が稼働しています。',
    en: 'The switchback was undone. Substitute VM {vm} is the active side.',
  },
  switchbackUndoHalted: {
    number: 'CM90236',
    severity: 'critical',
    ja: 'スイッチバックの取り消しが中断しました。原因を取り除いて再実行してください: {fault}',
    en: 'Undoing the switchback halted. Mend the cause and ask again: {fault}',
  },

  // volume refresh
  volumesProposed: {
    number: 'SM90241',
    severity: 'significant',
    ja: 'マスタのボリュームを確認してください: {changes}',
    en: 'Confirm the volumes of the master: {changes}',
  },
  volumesRefused: {
    number: 'WM90242',
    severity: 'warning',
    ja: '保護するボリュームの指定が正しくありません ({disk})。',
    en: 'The volumes to be protected are not valid ({disk}).',
  },
  volumesRefreshed: {
    number: 'SM90243',
    severity: 'significant',
    ja: 'ボリューム設定を更新しました: {disks}。シナリオを実行できます。',
    en: 'The volumes were refreshed: {disks}. The scenario can run.',
  },
  volumeRefreshFailed: {
    number: 'EM90244',
    severity: 'error',
    ja: 'ボリューム設定を更新できません: {fault}',
    en: 'The volumes cannot be refreshed: {fault}',
  },
} as const satisfies Record<string, CatalogueRecord>;
