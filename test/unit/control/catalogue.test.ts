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
  expect(eventText('switchoverFailed', { faultCode: 'diskFull', path: '/spool' }, 'en')).toBe(
    'Switchover failed: The disk is full: /spool',
  );
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
  expect(eventText('brandNew', {}, 'en')).toBe('Unknown event brandNew');
});

test('the catalogue has a sentence for everything that the charts announce', () => {
  const machines = join(import.meta.dirname, '../../../machines');
  const charts = readdirSync(machines, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const text = charts.map((file) => readFileSync(join(machines, file), 'utf8')).join('\n');
  const announced = [...text.matchAll(/announce\('(\w+)'|\(\{ code: '(\w+)', params:/g)].map(
    ([, a, b]) => a ?? b ?? '',
  );
  expect(announced.length).toBeGreaterThan(20);
  expect(announced.filter((code) => !Object.hasOwn(eventCatalogue, code))).toEqual([]);
});
