/** Every word of the page, Japanese and English side by side, and how figures are written. */
const words = {
  skip: ['シナリオへ移動', 'Skip to the scenarios'],
  language: ['言語', 'Language'],
  scenarios: ['シナリオ', 'Scenarios'],
  noScenarios: [
    'シナリオはまだありません。コマンド ラインから作成できます。',
    'There are no scenarios yet. Create one on the command line.',
  ],
  events: ['イベント', 'Events'],
  significantOnly: ['重要なイベントのみ', 'Significant events only'],
  time: ['日時', 'Time'],
  severity: ['重大度', 'Severity'],
  code: ['コード', 'Code'],
  scenario: ['シナリオ', 'Scenario'],
  event: ['イベント', 'Event'],
  noEvents: ['イベントはありません。', 'There are no events.'],
  critical: ['重大', 'Critical'],
  error: ['エラー', 'Error'],
  warning: ['警告', 'Warning'],
  significant: ['重要', 'Significant'],
  information: ['情報', 'Information'],
  run: ['実行', 'Run'],
  stop: ['停止', 'Stop'],
  switchover: ['スイッチオーバー', 'Switchover'],
  assertMasterOff: ['マスタ停止の確認', 'Assert that the master is off'],
  assertMasterOffText: [
    'マスタの停止を証明できません。マスタの電源が切れていることを自分で確認した場合にのみ、マスタの名前を入力してください。マスタが稼働していると、両方が業務を行い、データが失われます。',
    'Nothing here proves that the master has stopped. Type its name only if you have made sure yourself that it is powered off: if it runs, both sides serve and data are lost.',
  ],
  masterName: ['電源が切れているマスタの名前', 'Name of the master that is powered off'],
  giveUpSwitchover: ['スイッチオーバーの中止', 'Give the switchover up'],
  suspend: ['一時停止', 'Suspend'],
  resume: ['再開', 'Resume'],
  announceMaintenance: ['メンテナンスの予告', 'Announce maintenance'],
  announceMaintenanceText: [
    'その間、マスタの応答がなくてもスイッチオーバーは行われません。',
    'Meanwhile nothing is switched over, even if the master is silent.',
  ],
  maintenanceMinutes: ['長さ (分)', 'For how many minutes'],
  endMaintenance: ['メンテナンスの終了', 'End maintenance'],
  startTest: ['整合性テストの開始', 'Start an integrity test'],
  endTest: ['整合性テストの終了', 'End the integrity test'],
  seedArrived: ['オフライン同期のデータ到着', 'The offline copy has arrived'],
  reverseAfterwards: ['完了後にリバース レプリケーションを行う', 'Reverse replication afterwards'],
  cancel: ['キャンセル', 'Cancel'],
  switchoverTitle: ['スイッチオーバーの実行', 'Run a switchover'],
  switchoverText: [
    'マスタを業務ネットワークから切り離し、代替仮想マシンを起動します。',
    'The master is taken off its production network and the substitute VM starts in its place.',
  ],
  noWaitForJournals: ['ジャーナルがすべて適用されるまで待機しない', 'Do not wait until all journals are applied'],
  noWaitWarning: [
    'まだ適用されていない変更は、代替仮想マシンに引き継がれません。',
    'Changes that are not applied yet will be missing on the substitute VM.',
  ],
  lag: ['レプリケーションの遅延', 'Replication lag'],
  consistentPoint: ['最新の整合ポイント', 'Last consistent point'],
  link: ['マスタとの接続', 'Link to the master'],
  spool: ['スプール', 'Spool'],
  epoch: ['エポック', 'Epoch'],
  replicated: ['レプリケート済み', 'Replicated'],
  mode: ['スイッチオーバー方式', 'Switchover mode'],
  automatic: ['自動', 'Automatic'],
  manual: ['手動', 'Manual'],
  since: ['状態の開始', 'In this state since'],
  lastHeard: ['最終受信', 'Last heard'],
  lastState: ['最後に確認された状態', 'Last known state'],
  never: ['受信なし', 'Never'],
  synchronization: ['同期の進捗', 'Synchronization'],
  connected: ['接続済み', 'Connected'],
  connecting: ['接続しています', 'Connecting'],
  disconnected: ['切断', 'Disconnected'],
  appliance: ['仮想アプライアンス', 'Appliance'],
  master: ['マスタ', 'Master'],
  unknown: ['不明', 'Unknown'],
  given: ['指示を送信しました: {what}', 'Accepted: {what}'],
  remaining: ['残り {time}', '{time} left'],
  ago: ['{time}前', '{time} ago'],
  of: ['{part} / {all}', '{part} of {all}'],
  controlLost: [
    'コントロール サービスとの接続が切れています ({time}前から)。シナリオの状態は不明です。自動的に再接続します。',
    'The connection to control was lost {time} ago. The state of the scenarios is unknown. It is made again automatically.',
  ],
  controlLostReason: ['コントロール サービスから状態を受信していません。', 'Control is not heard.'],
};

const remembered = () => {
  try {
    return localStorage.getItem('language');
  } catch {
    return null;
  }
};

const asked = new URLSearchParams(location.search).get('language') ?? remembered();
/** `ja` or `en`. */
export let language = asked === 'ja' || asked === 'en' ? asked : navigator.language.startsWith('ja') ? 'ja' : 'en';

export function chooseLanguage(chosen) {
  language = chosen;
  try {
    localStorage.setItem('language', chosen);
  } catch {
    // A browser without storage asks its own preference again next time.
  }
}

export const word = (key, values = {}) =>
  (words[key]?.[language === 'ja' ? 0 : 1] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));

/** The sentence of a record with both languages. */
export const say = (sentences) => sentences[language];

export function duration(ms) {
  const [s, min, h, d] = language === 'ja' ? [' 秒', ' 分', ' 時間', ' 日'] : [' s', ' min', ' h', ' d'];
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}${s}`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}${s}`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}${min} ${seconds % 60}${s}`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}${h} ${Math.floor((seconds % 3_600) / 60)}${min}`;
  return `${Math.floor(seconds / 86_400)}${d} ${Math.floor((seconds % 86_400) / 3_600)}${h}`;
}

/** A time gone by, where tenths say nothing. */
export const wholeDuration = (ms) => duration(ms < 9_950 ? Math.round(ms / 1000) * 1000 : ms).replace('.0', '');

export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 2 ** (power * 10);
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

const two = (value) => String(value).padStart(2, '0');

/** Local time; the date only when it is not today's. */
export function clockTime(atMs, withDate = false) {
  const at = new Date(atMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (!withDate && at.toDateString() === new Date().toDateString()) return time;
  return `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())} ${time}`;
}

export const integer = (value) => new Intl.NumberFormat(language).format(value);
