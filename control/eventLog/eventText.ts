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
  noConsistentPoint: {
    ja: '整合ポイントがありません。',
    en: 'There is no consistent point.',
  },
};
const codedParams: ReadonlySet<string> = new Set(['method', 'reason', 'cause', 'mode']);

const isFaultCode = (code: unknown): code is FaultCode => typeof code === 'string' && Object.hasOwn(faultTable, code);

/**
 * The sentence of an event for a person. A bracket whose value was not reported is left out; `{fault}`, and `{reason}`
 * when nothing else gives one, is the sentence of the fault named by the `faultCode` among the params.
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
  if (given !== undefined) return (codedParams.has(name) ? valueWords[given]?.[language] : undefined) ?? String(given);
  if (name !== 'fault' && name !== 'reason') return undefined;
  const { faultCode } = params;
  if (faultCode === undefined) return undefined;
  if (!isFaultCode(faultCode)) return valueWords[faultCode]?.[language] ?? String(faultCode);
  return faultText({ code: faultCode, duration: 'permanent', effect: 'none', params }, language);
}
