import type { Language } from '#control/eventLog/catalogue.ts';
import type { EventView } from '#control/eventLog/eventLog.ts';
import type { ScenarioView } from '#control/scenarios/scenarioView.ts';

const words = {
  state: { ja: '状態', en: 'State' },
  id: { ja: 'シナリオ ID', en: 'Scenario id' },
  name: { ja: 'シナリオ', en: 'Scenario' },
  lag: { ja: '遅延', en: 'Lag' },
  epoch: { ja: 'エポック', en: 'Epoch' },
  link: { ja: '接続', en: 'Link' },
  spool: { ja: 'スプール', en: 'Spool' },
  synchronization: { ja: '同期', en: 'Synchronization' },
  connected: { ja: '接続済み', en: 'connected' },
  connecting: { ja: '接続中', en: 'connecting' },
  disconnected: { ja: '切断', en: 'disconnected' },
  unknown: { ja: '不明', en: 'Unknown' },
  noScenarios: { ja: 'シナリオはありません。', en: 'There are no scenarios.' },
  changed: { ja: 'シナリオを変更しました', en: 'Scenario changed' },
  stopReason: { ja: '停止の理由', en: 'Why it is stopped' },
  created: { ja: 'シナリオを作成しました', en: 'Scenario created' },
  given: { ja: '指示を受け付けました', en: 'Accepted' },
  appliance: { ja: '仮想アプライアンス', en: 'Appliance' },
  master: { ja: 'マスタ', en: 'Master' },
} as const;

export type Word = keyof typeof words;
export const word = (key: Word, language: Language): string => words[key][language];

const severities: Readonly<Record<EventView['severity'], { ja: string; en: string }>> = {
  critical: { ja: '重大', en: 'critical' },
  error: { ja: 'エラー', en: 'error' },
  warning: { ja: '警告', en: 'warning' },
  significant: { ja: '重要', en: 'significant' },
  information: { ja: '情報', en: 'information' },
};

/** `12.3 s`, `4 min 05 s`: a duration as a person says it. */
export function duration(ms: number, language: Language): string {
  const [s, min, h] = language === 'ja' ? [' 秒', ' 分 ', ' 時間 '] : [' s', ' min ', ' h '];
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}${s}`;
  const seconds = Math.round(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${min}${two(seconds % 60)}${s}`;
  return `${Math.floor(seconds / 3600)}${h}${two(Math.floor((seconds % 3600) / 60))}${min.trimEnd()}`;
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10));
  return `${(count / 2 ** (power * 10)).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** The Swedish locale writes `2025-01-31 23:59:59`, which sorts and needs no translation. */
const timeFormat = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' });
const localTime = (atMs: number): string => timeFormat.format(atMs);

export function eventLine(event: EventView, language: Language): string {
  const place = event.scenarioId ?? '-'.padEnd(10);
  return `${localTime(event.atMs)}  ${event.number}  ${place}  [${severities[event.severity][language]}] ${event[language]}`;
}

export function scenarioLine(view: ScenarioView, language: Language): string {
  const state = view.known ? view.status.label[language] : `${view.label[language]}: ${view.reason[language]}`;
  const lagMs = view.known ? view.status.replicationLagMs : undefined;
  const lag = lagMs === undefined ? '' : `  ${word('lag', language)} ${duration(lagMs, language)}`;
  return `${view.scenarioId}  ${view.name}  ${state}${lag}`;
}

/** Everything about one scenario, a line each. What is not known is not shown. */
export function scenarioLines(view: ScenarioView, language: Language): readonly string[] {
  const line = (key: Word, value: string): string => `${word(key, language)}: ${value}`;
  const head = [line('name', view.name), line('id', view.scenarioId)];
  if (!view.known) return [...head, line('state', `${view.label[language]} (${view.reason[language]})`)];
  const { status } = view;
  const { synchronization: sync, spool, replicationLagMs, link } = status;
  const percent =
    sync === undefined || sync.totalBytes === 0 ? '' : `${((100 * sync.doneBytes) / sync.totalBytes).toFixed(1)} %`;
  return [
    ...head,
    line('state', status.label[language]),
    ...(status.stopReason === undefined ? [] : [line('stopReason', status.stopReason[language])]),
    line('epoch', String(status.epoch)),
    ...(link === undefined ? [] : [line('link', word(link, language))]),
    ...(sync === undefined ? [] : [line('synchronization', `${percent} (${bytes(sync.bytesPerSecond)}/s)`)]),
    ...(replicationLagMs === undefined ? [] : [line('lag', duration(replicationLagMs, language))]),
    ...(spool === undefined ? [] : [line('spool', `${bytes(spool.bytes)} / ${bytes(spool.bytesMax)}`)]),
  ];
}
