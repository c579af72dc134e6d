import { faultTable, faultText } from '#machines/faults.ts';
import type { FaultCode } from '#machines/faults.ts';
import { eventRecord } from './catalogue.ts';
import type { EventParams, Language } from './catalogue.ts';

/** What the charts call by a code and people by a word. */
const valueWords: Readonly<Record<string, { readonly ja: string; readonly en: string }>> = {
  volumeLevel: { ja: 'ボリューム レベル同期', en: 'volume-level synchronization' },
  blockLevel: { ja: 'ブロック レベル同期', en: 'block-level synchronization' },
  fileLevel: { ja: 'ファイル レベル同期', en: 'file-level synchronization' },
  offline: { ja: 'オフライン同期', en: 'offline synchronization' },
  byUser: { ja: 'ユーザーによる停止', en: 'by the user' },
  operator: { ja: 'ユーザーによる実行', en: 'by the user' },
  verificationFailed: { ja: '検証エラー', en: 'verification failed' },
  fault: { ja: '障害', en: 'a fault' },
  switchedOver: { ja: 'スイッチオーバー済み', en: 'switched over' },
  masterDown: { ja: 'マスタの停止', en: 'master down' },
  automatic: { ja: '自動', en: 'automatic' },
  manual: { ja: '手動', en: 'manual' },
  masterRebooted: { ja: 'マスタの再起動', en: 'the master was restarted' },
  switchedBack: { ja: 'スイッチバック完了', en: 'switched back' },
  noConsistentPoint: {
    ja: '整合ポイントがありません。',
    en: 'There is no consistent point.',
  },
  noWitness: { ja: 'ウィットネスが構成されていません。', en: 'No witness is configured.' },
  // why a takeover was withdrawn
  heard: { ja: 'マスタの応答が再び確認されました', en: 'the master was heard again' },
  alive: { ja: '再確認でマスタの稼働が確認されました', en: 'a second look found the master alive' },
  unknown: { ja: 'マスタの状態を確認できませんでした', en: 'it could not be found out how the master is' },
  notice: { ja: 'マスタがメンテナンスを予告しました', en: 'the master announced maintenance' },
  well: { ja: 'マスタのチェックが再び成功しました', en: "the master's checks are good again" },
  isolationRefused: { ja: 'マスタが切り離しに応じませんでした', en: 'the master did not leave its network' },
  masterUnwell: { ja: 'マスタのアプリケーション異常', en: 'the application on the master is down' },
  // why a test came to no verdict, or a scheduled task did not begin
  spool: { ja: 'スプールの空きが不足したため終了しました', en: 'the spool ran full' },
  deadline: { ja: '時間内に終了しませんでした', en: 'its time was up' },
  endedEarly: { ja: '完了前に終了されました', en: 'it was ended before it was complete' },
  interrupted: { ja: 'スイッチオーバーまたは停止により中断されました', en: 'a switchover or a stop interrupted it' },
  notJudged: { ja: '結果が入力されませんでした', en: 'nobody said what was found' },
  unanswered: { ja: '応答しないチェックがあります', en: 'a check was not answered' },
  timedOut: { ja: '時間内に応答がありませんでした', en: 'there was no answer in time' },
  busy: { ja: '実行できる状態ではありませんでした', en: 'the scenario was busy' },
  late: { ja: '予定時刻を過ぎていました', en: 'its time had passed' },
  assuredRecovery: { ja: '整合性テスト', en: 'integrity test' },
  suspension: { ja: '一時停止', en: 'suspension' },
  // why a voter did not agree
  leased: { ja: 'マスタのリースが有効です', en: 'the master holds a lease' },
  masterLeased: { ja: 'マスタのリースが有効です', en: 'the master holds a lease' },
  otherClaim: { ja: '別の承認が既に行われています', en: 'it has agreed to another takeover' },
  forgetful: { ja: '以前の記録が失われています', en: 'it has lost its memory of earlier promises' },
};
const codedParams: ReadonlySet<string> = new Set(['method', 'reason', 'cause', 'mode', 'why', 'task']);

const isFaultCode = (code: unknown): code is FaultCode => typeof code === 'string' && Object.hasOwn(faultTable, code);

/**
 * The sentence of an event for a person. A bracket whose value was not reported is left out; `{fault}`, and `{reason}`
 * when nothing else gives one, is the sentence of the fault named by the `faultCode` among the params. What is measured
 * in milliseconds is written in seconds.
 */
export function eventText(code: string, params: EventParams, language: Language): string {
  const value = (name: string): string | undefined => valueOf(name, params, language);
  const sentence = eventRecord(code)[language];
  const told = sentence.replace(/ ?\([^()]*\{(\w+)\}[^()]*\)/g, (bracket, name: string) =>
    value(name) === undefined ? '' : bracket,
  );
  return told.replace(/\{(\w+)\}/g, (_, name: string) => value(name) ?? '?');
}

function valueOf(name: string, params: EventParams, language: Language): string | undefined {
  // A sentence that the charts composed comes in both languages.
  const given = (language === 'ja' ? params[`${name}Ja`] : undefined) ?? params[name];
  // What the charts did not hear they report as a question mark.
  if (given !== undefined && given !== '?') return written(name, given, language);
  if (name !== 'fault' && name !== 'reason') return undefined;
  const { faultCode } = params;
  if (faultCode === undefined) return undefined;
  if (!isFaultCode(faultCode)) return valueWords[faultCode]?.[language] ?? String(faultCode);
  const told = Object.fromEntries(Object.entries(params).map(([key, part]) => [key, written(key, part, language)]));
  return faultText({ code: faultCode, duration: 'permanent', effect: 'none', params: told }, language);
}

function written(name: string, given: string | number, language: Language): string {
  if (typeof given === 'number' && /[a-z]Ms$/.test(name)) return String(Math.round(given / 100) / 10);
  return (codedParams.has(name) ? valueWords[given]?.[language] : undefined) ?? String(given);
}
