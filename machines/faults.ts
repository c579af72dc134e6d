/**
 * What can go wrong, as one table of codes. A fault says whether trying again can help and, above all,
 * whether the effect happened: `unknown` is reconciled by tag before anything is tried again.
 */
export type Effect = 'none' | 'failed' | 'unknown';
export type FaultDuration = 'permanent' | 'transient';

export const faultTable = {
  // hypervisor
  badCredentials: {
    duration: 'permanent',
    effect: 'none',
    ja: '{host} のユーザー名またはパスワードが正しくありません。アカウントのロックを避けるため再試行しません。資格情報を修正して再度実行してください。',
    en: 'The user name or password for {host} is wrong. It is not tried again, because the host locks the account. Correct the credentials and run again.',
  },
  untrustedCertificate: {
    duration: 'permanent',
    effect: 'none',
    ja: '{host} の証明書が登録時と異なります ({fingerprint})。変更が正当であることを確認し、シナリオの証明書を登録し直してください。',
    en: 'The certificate of {host} is not the pinned one ({fingerprint}). Make sure that the change is legitimate, then pin the new certificate in the scenario.',
  },
  unreachable: {
    duration: 'transient',
    effect: 'none',
    ja: '{host} に接続できません: {reason}。ネットワークとサービスの状態を確認してください。',
    en: '{host} cannot be reached: {reason}. Check the network and the service.',
  },
  effectUnknown: {
    duration: 'transient',
    effect: 'unknown',
    ja: '{host} からの応答が失われました。処理の結果を照合してから続行します。',
    en: 'The answer of {host} was lost. What happened is reconciled before anything is tried again.',
  },
  noSpace: {
    duration: 'permanent',
    effect: 'none',
    ja: 'データストア {datastore} の空き容量が不足しています: 必要 {neededBytes} バイト、空き {freeBytes} バイト。空き容量を増やすか別のデータストアを選択してください。',
    en: 'Datastore {datastore} is too small: {neededBytes} bytes needed, {freeBytes} bytes free. Free some space or choose another datastore.',
  },
  locked: {
    duration: 'transient',
    effect: 'failed',
    ja: 'ディスク {path} は別の仮想マシンが使用中です。',
    en: 'Disk {path} is in use by another virtual machine.',
  },
  busy: {
    duration: 'transient',
    effect: 'none',
    ja: '{object} は別のタスクを実行中です。',
    en: '{object} is busy with another task.',
  },
  exists: {
    duration: 'permanent',
    effect: 'none',
    ja: '{object} は既に存在し、このシナリオのものではありません。',
    en: '{object} exists already and does not belong to this scenario.',
  },
  notFound: { duration: 'permanent', effect: 'none', ja: '{object} が見つかりません。', en: '{object} was not found.' },
  snapshotBlocks: {
    duration: 'permanent',
    effect: 'none',
    ja: '仮想マシン {object} にスナップショットがあります。スナップショットを削除してください。',
    en: 'Virtual machine {object} has a snapshot. Remove it.',
  },
  readOnlyLicense: {
    duration: 'permanent',
    effect: 'none',
    ja: '{host} のライセンスでは書き込み操作が許可されていません。',
    en: 'The licence of {host} does not allow changes.',
  },
  invalidState: {
    duration: 'transient',
    effect: 'none',
    ja: '{object} の状態では実行できません: {reason}',
    en: '{object} is not in a state for this: {reason}',
  },
  invalidSpec: {
    duration: 'permanent',
    effect: 'none',
    ja: '設定 {field} が正しくありません: {reason}',
    en: 'Setting {field} is not valid: {reason}',
  },
  hypervisorRefused: {
    duration: 'permanent',
    effect: 'failed',
    ja: '{host} が処理を拒否しました: {reason}',
    en: '{host} refused: {reason}',
  },
  // master and its disks
  diskMissing: {
    duration: 'permanent',
    effect: 'none',
    ja: 'マスタのディスク {disk} が見つかりません。シナリオのボリューム設定を確認してください。',
    en: 'Disk {disk} of the master was not found. Check the volume settings of the scenario.',
  },
  diskChanged: {
    duration: 'permanent',
    effect: 'none',
    ja: 'マスタのディスク {disk} のサイズが変わりました: 登録時 {expectedBytes} バイト、現在 {actualBytes} バイト。シナリオのボリューム設定を更新してください。',
    en: 'Disk {disk} of the master changed its size: {expectedBytes} bytes when the scenario was made, {actualBytes} bytes now. Refresh the volume settings of the scenario.',
  },
  traceNotPermitted: {
    duration: 'permanent',
    effect: 'none',
    ja: 'ブロックトレースを使用できません ({reason})。全ブロックの比較で変更を検出します。',
    en: 'Block tracing is not available ({reason}). Changes are found by comparing all blocks.',
  },
  changesLost: {
    duration: 'transient',
    effect: 'none',
    ja: '変更の記録に欠落が見つかりました ({reason})。ブロックを比較し直します。',
    en: 'Some changes were not recorded ({reason}). The blocks are compared again.',
  },
  // wire
  versionMismatch: {
    duration: 'permanent',
    effect: 'none',
    ja: '{peer} のエンジンのバージョン {theirs} は、このエンジンのバージョン {ours} と異なります。両方を同じバージョンにしてください。',
    en: 'The engine of {peer} has version {theirs}, this one {ours}. Install the same version on both.',
  },
  protocolError: {
    duration: 'transient',
    effect: 'unknown',
    ja: '{peer} から不正なフレームを受信したため切断しました: {reason}',
    en: 'A malformed frame arrived from {peer}; the connection was closed: {reason}',
  },
  staleEpoch: {
    duration: 'permanent',
    effect: 'none',
    ja: '古いエポック {theirs} からの指示を拒否しました (現在 {ours})。',
    en: 'A command of the old epoch {theirs} was refused; the epoch is {ours}.',
  },
  claimRefused: {
    duration: 'permanent',
    effect: 'none',
    ja: '{voter} は交代を承認しませんでした ({reason})。マスタが稼働している可能性があるため、スイッチオーバーは行われません。',
    en: '{voter} did not agree to the takeover ({reason}). The master may be alive, so nothing is switched over.',
  },
  fenceUnprovable: {
    duration: 'permanent',
    effect: 'none',
    ja: 'マスタの停止を確実に証明できないため、自動スイッチオーバーは選択できません: {reason}。手動スイッチオーバーを選択するか、構成を変更してください。',
    en: 'Automatic switchover cannot be chosen, because nothing here proves that the master has stopped: {reason}. Choose manual switchover, or change the set-up.',
  },
  witnessMisplaced: {
    duration: 'permanent',
    effect: 'none',
    ja: 'ウィットネス {host} はマスタまたはアプライアンス上にあります。両方から独立したホストを指定してください。',
    en: 'The witness {host} is on the master or on the appliance. Choose a host that is neither.',
  },
  unsafeTiming: {
    duration: 'permanent',
    effect: 'none',
    ja: '設定 {field} の値では安全な待ち時間が成り立ちません: {reason}',
    en: 'With this value of {field} the safe wait does not hold: {reason}',
  },
  fenceDeviceRefused: {
    duration: 'permanent',
    effect: 'failed',
    ja: 'フェンス装置 {host} が操作を拒否しました: {reason}',
    en: 'The fence device {host} refused: {reason}',
  },
  probeUnavailable: {
    duration: 'transient',
    effect: 'none',
    ja: '本番ネットワークのアドレスを確認できません: {reason}',
    en: 'The addresses on the production network cannot be probed: {reason}',
  },
  portInUse: {
    duration: 'permanent',
    effect: 'none',
    ja: 'ポート {port} は使用中です。他のプロセスを停止するか、別のポートを指定してください。',
    en: 'Port {port} is in use. Stop the other process or choose another port.',
  },
  // what an earlier engine stored
  chartVersionUnknown: {
    duration: 'permanent',
    effect: 'none',
    ja: 'シナリオ {scenario} の状態はチャート {theirs} で保存されており、このエンジンのチャート {ours} では続行できません。このシナリオだけを実行しません。以前のバージョンのエンジンに戻してシナリオを停止してから更新するか、マスタと代替仮想マシンのどちらが稼働しているかを確認したうえでシナリオを削除し、作成し直してください。',
    en: 'The state of scenario {scenario} was stored by chart {theirs}; chart {ours} of this engine cannot go on from it. Only this scenario does not run. Go back to the former version of the engine, stop the scenario and update again; or find out whether the master or the substitute VM serves, then remove the scenario and create it again.',
  },
  chartStateDamaged: {
    duration: 'permanent',
    effect: 'none',
    ja: 'シナリオ {scenario} の保存された状態が壊れています ({reason})。推測せず、このシナリオだけを実行しません。マスタと代替仮想マシンのどちらが稼働しているかを確認したうえでシナリオを削除し、作成し直してください。',
    en: 'What was stored of scenario {scenario} is damaged ({reason}). Nothing is guessed: only this scenario does not run. Find out whether the master or the substitute VM serves, then remove the scenario and create it again.',
  },
  // replica and spool
  spoolFull: {
    duration: 'transient',
    effect: 'none',
    ja: 'スプールの上限 {spoolBytesMax} バイトに達しました。変更箇所の記録に切り替え、保護は継続します。',
    en: 'The spool reached its limit of {spoolBytesMax} bytes. Changes are kept as a map of dirty blocks; protection goes on.',
  },
  replicaDiskUnproven: {
    duration: 'permanent',
    effect: 'none',
    ja: 'レプリカ ディスク {path} をゲスト内で確認できません: {reason}',
    en: 'Replica disk {path} could not be proven inside the guest: {reason}',
  },
  seedRefused: {
    duration: 'permanent',
    effect: 'none',
    ja: '運ばれたデータを使用できません ({reason})。マスタのフォルダ全体をもう一度コピーし、オフライン同期を続行してください。',
    en: 'The data that were carried here cannot be used ({reason}). Copy the whole folder of the master again, then continue the offline synchronization.',
  },
  diskFull: {
    duration: 'permanent',
    effect: 'failed',
    ja: 'ディスクがいっぱいです: {path}',
    en: 'The disk is full: {path}',
  },
  // the machine to be restored, and files brought back
  capabilityMissing: {
    duration: 'permanent',
    effect: 'none',
    ja: 'このエンジンは {what} に対応していません。',
    en: 'This engine is not capable of {what}.',
  },
  targetUnproven: {
    duration: 'permanent',
    effect: 'none',
    ja: '復元先のマシンが確認時と一致しません ({reason})。何も書き込まれていません。もう一度検証してください。',
    en: 'The machine to be restored is not the one that was confirmed ({reason}). Nothing was written to it. Verify it again.',
  },
  targetTooSmall: {
    duration: 'permanent',
    effect: 'none',
    ja: 'ディスク {disk} ({neededBytes} バイト) の復元先がありません: 空いている最大のディスクは {largestBytes} バイトです。',
    en: 'No disk of the machine can take {disk} ({neededBytes} bytes): the largest that is left has {largestBytes} bytes.',
  },
  firmwareDiffers: {
    duration: 'permanent',
    effect: 'none',
    ja: '復元先のファームウェア {theirs} は代替仮想マシンの {ours} と異なるため起動できません。ファームウェアの設定を変更してください。',
    en: 'The machine has firmware {theirs}, the substitute VM {ours}: it would not boot. Change the setting of its firmware.',
  },
  bootKitStale: {
    duration: 'permanent',
    effect: 'none',
    ja: 'ブート キットのバージョン {theirs} は、このエンジンのバージョン {ours} と異なります。ブート キットを作成し直してください (ガイド 7-10)。',
    en: 'The boot kit has version {theirs}, this engine {ours}. Create the boot kit again (guide 7-10).',
  },
  holdsOperatingSystem: {
    duration: 'permanent',
    effect: 'none',
    ja: '復元先のディスク {serial} にはオペレーティング システム {name} があり、上書きされます (最終使用: {lastUsed})。',
    en: 'Disk {serial} of the machine holds an operating system, {name}, and will be overwritten (last used {lastUsed}).',
  },
  noLink: {
    duration: 'permanent',
    effect: 'none',
    ja: '復元先のネットワーク アダプタ {mac} はリンクがありません。',
    en: 'Network adapter {mac} of the machine has no link.',
  },
  layoutDiffers: {
    duration: 'permanent',
    effect: 'none',
    ja: 'リストア先 {host} にボリューム {volume} がありません。リストア先のボリューム構成は元のマスタと同じでなければなりません (ガイド 12)。',
    en: 'Host {host} has no volume {volume}. The volumes of the restore target must be those of the original (guide 12).',
  },
  unsafePath: {
    duration: 'permanent',
    effect: 'none',
    ja: 'パス {path} は選択したボリュームの外を指す可能性があるため使用できません。',
    en: 'Path {path} could lead out of the chosen volume and is not used.',
  },
  timedOut: {
    duration: 'transient',
    effect: 'unknown',
    ja: '{what} が時間内に完了しませんでした。',
    en: '{what} did not finish in time.',
  },
  notAvailable: {
    duration: 'permanent',
    effect: 'none',
    ja: '{what} はこのエンジンでは利用できません。',
    en: '{what} is not available with this engine.',
  },
  cancelled: {
    duration: 'permanent',
    effect: 'unknown',
    ja: '{what} は取り消されました。',
    en: '{what} was cancelled.',
  },
  internal: { duration: 'permanent', effect: 'unknown', ja: '内部エラー: {reason}', en: 'Internal error: {reason}' },
} as const satisfies Record<string, { duration: FaultDuration; effect: Effect; ja: string; en: string }>;

export type FaultCode = keyof typeof faultTable;

/** A fault as data: what travels in events, logs and over the wire. Never holds a secret. */
export type Fault = {
  readonly code: FaultCode;
  readonly duration: FaultDuration;
  readonly effect: Effect;
  /** Values for the placeholders of the table's sentences. */
  readonly params: Readonly<Record<string, string | number>>;
};

export function fault(code: FaultCode, params: Fault['params'] = {}, effect: Effect = faultTable[code].effect): Fault {
  return { code, duration: faultTable[code].duration, effect, params };
}

/** How a party's method reports a fault: thrown, and turned into a fact (`….failed`) by the host. */
export class PartyFault extends Error {
  readonly fault: Fault;

  constructor(code: FaultCode, params: Fault['params'] = {}, effect?: Effect) {
    const value = fault(code, params, effect);
    super(faultText(value, 'en'));
    this.name = 'PartyFault';
    this.fault = value;
  }
}

/** Any thrown thing as a fault; what nobody foresaw is `internal`, with the effect unknown. */
export function toFault(thrown: unknown): Fault {
  if (thrown instanceof PartyFault) return thrown.fault;
  return fault('internal', { reason: thrown instanceof Error ? thrown.message : String(thrown) });
}

/** The sentence for a person, with placeholders filled. */
export function faultText(value: Fault, language: 'ja' | 'en'): string {
  return faultTable[value.code][language].replace(/\{(\w+)\}/g, (_, name: string) => String(value.params[name] ?? '?'));
}
