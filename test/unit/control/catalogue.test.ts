import { expect, test } from 'vitest';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventCatalogue } from '#control/eventLog/catalogue.ts';
import { eventText } from '#control/eventLog/eventText.ts';

const letters = { critical: 'C', error: 'E', warning: 'W', significant: 'S', information: 'I' };
const placeholders = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

test.each([
  [
    'synchronizationReplicated',
    '同期処理中の変更はすべてレプリケートされました',
    'All modifications during synchronization period are replicated',
  ],
  ['isAliveResumed', 'Is Alive チェックの再開', 'Is Alive check resumed'],
  ['switchoverCompleted', 'スイッチオーバーが完了しました。', 'Switchover completed.'],
] as const)('%s speaks with the words of the guide', (code, ja, en) => {
  expect([eventText(code, {}, 'ja'), eventText(code, {}, 'en')]).toEqual([ja, en]);
});

test('the events of a manual integrity test speak with the words of the guide (9-3, 9-6)', () => {
  const told = (code: string) => eventText(code, { replica: 'WEB' }, 'ja');
  expect(told('manualTestReady')).toBe('レプリカ “WEB” は、手動整合性テストの準備が整っています');
  expect(told('manualTestFinished')).toBe('レプリカ “WEB” は、手動整合性テストが終了しました');
});

test('a test without a verdict says why, and what was not answered', () => {
  const params = { replica: 'WEB', checks: 1, why: 'unanswered', findings: 'http: timedOut' };
  expect(eventText('integrityTestInconclusive', params, 'en')).toBe(
    'The integrity test of replica "WEB" came to no verdict (a check was not answered) (http: timedOut). It does not count as passed.',
  );
});

test.each(Object.entries(eventCatalogue))(
  '%s has a number of its severity and the same values in both languages',
  (_, record) => {
    expect(record.number).toMatch(/^[CEWSI][RM]9\d{4}$/);
    expect(record.number[0]).toBe(letters[record.severity]);
    expect(placeholders(record.en)).toEqual(placeholders(record.ja));
  },
);

test('numbers are unique', () => {
  const numbers = Object.values(eventCatalogue).map(({ number }) => number.slice(2));
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('a fault speaks with the sentence of the fault table', () => {
  expect(eventText('doubleFailed', { faultCode: 'diskFull', path: '/spool' }, 'en')).toBe(
    'The substitute VM could not be prepared (The disk is full: /spool). It is tried again automatically.',
  );
  const refused = { faultCode: 'claimRefused', voter: 'witness', reason: 'masterLeased' };
  expect(eventText('claimRefused', refused, 'en')).toContain('witness did not agree to the takeover (the master holds');
  expect(eventText('fault', { faultCode: 'noConsistentPoint' }, 'ja')).toContain('整合ポイントがありません。');
});

test('a sentence of the charts comes in the language of the reader, codes as words', () => {
  const params = { findings: 'too small', findingsJa: '容量不足' };
  expect(eventText('verificationFailed', params, 'ja')).toContain('容量不足');
  expect(eventText('verificationFailed', params, 'en')).toContain('too small');
  expect(eventText('scenarioStopped', { reason: 'byUser' }, 'ja')).toBe(
    'シナリオを停止しました (ユーザーによる停止)。',
  );
});

test('a bracket without its value is left out; an unknown code is shown as it came', () => {
  expect(eventText('linkLost', {}, 'en')).toBe(
    'The connection to the master was lost. It is made again automatically.',
  );
  expect(eventText('linkLost', { reason: 'ECONNRESET' }, 'en')).toContain('was lost (ECONNRESET).');
  expect(eventText('masterAssertedOff', { by: '?' }, 'en')).toBe(
    'An administrator has asserted that the master is off.',
  );
  expect(eventText('brandNew', {}, 'en')).toBe('Unknown event brandNew');
});

test('times are written in seconds', () => {
  const params = { forMs: 90_500, reason: 'patch day' };
  expect(eventText('masterNotice', params, 'en')).toContain('silent for 90.5 s, as announced (patch day).');
});

const machines = join(import.meta.dirname, '../../../machines');
const charts = readdirSync(machines, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(machines, file), 'utf8'));

/** Codes that a chart's source announces: by `announce('code')`, or in the params of the action. */
const announcedIn = (text: string): string[] =>
  [...text.matchAll(/announce\(\s*'(\w+)'|\bcode: '(\w+)',\s*params\b/g)].map(([, a, b]) => a ?? b ?? '');

/** Places whose code cannot be read off the source: nobody could say then whether it has its sentence. */
const unreadableIn = (text: string): string[] =>
  [...text.matchAll(/(?<!function )announce\((?!\s*')[^)\n]*|params: [^\n]*=> \(\{\s*code\b(?!: ')[^\n]*/g)].map(
    ([all]) => all,
  );

const withoutSentence = (code: string): boolean => !Object.hasOwn(eventCatalogue, code);

test('the catalogue has a sentence for everything that the charts announce', () => {
  const announced = charts.flatMap(announcedIn);
  expect(announced.length).toBeGreaterThan(20);
  expect([...new Set(announced.filter(withoutSentence))]).toEqual([]);
  // The one place where the code is a variable is the definition of `announce` itself.
  expect(charts.flatMap(unreadableIn)).toEqual([expect.stringContaining('params: params(context)')]);
});

test('a code without a sentence is found however it is announced', () => {
  expect(announcedIn("entry: announce(\n  'brandNew',\n  faultParams)").filter(withoutSentence)).toEqual(['brandNew']);
  expect(announcedIn("({\n  code: 'brandNew',\n  params: {} })").filter(withoutSentence)).toEqual(['brandNew']);
  expect(unreadableIn('announce(codeOf(event))')).toHaveLength(1);
  expect(unreadableIn('params: ({ event }) => ({ code: event.code, params: {} })')).toHaveLength(1);
});
