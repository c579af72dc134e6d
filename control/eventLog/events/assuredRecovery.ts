import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** Integrity tests of the replica, by hand and by schedule (guide 9). */
export const assuredRecoveryEvents = {
  integrityTestStarted: {
    number: 'SR90301',
    severity: 'significant',
    ja: 'レプリカの整合性テストを開始しました ({mode})。テスト中に書き込まれた内容はすべて破棄されます。',
    en: 'An integrity test of the replica started ({mode}). All that is written during the test is discarded.',
  },
  /** Guide 9-3. */
  manualTestReady: {
    number: 'SR90302',
    severity: 'significant',
    ja: 'レプリカ “{replica}” は、手動整合性テストの準備が整っています',
    en: 'Replica "{replica}" is ready for manual integrity testing',
  },
  /** Guide 9-6. */
  manualTestFinished: {
    number: 'SR90303',
    severity: 'significant',
    ja: 'レプリカ “{replica}” は、手動整合性テストが終了しました',
    en: 'Replica "{replica}": manual integrity testing finished',
  },
  integrityTestPassed: {
    number: 'SR90304',
    severity: 'significant',
    ja: 'レプリカ “{replica}” の整合性テストに合格しました (リカバリ ポイント {point}、チェック {checks} 件)。',
    en: 'Replica "{replica}" passed the integrity test (recovery point {point}, {checks} checks).',
  },
  integrityTestFailed: {
    number: 'ER90305',
    severity: 'error',
    ja: 'レプリカ “{replica}” は整合性テストに不合格でした (リカバリ ポイント {point}) ({findings})。',
    en: 'Replica "{replica}" failed the integrity test (recovery point {point}) ({findings}).',
  },
  integrityTestInconclusive: {
    number: 'WR90306',
    severity: 'warning',
    ja: 'レプリカ “{replica}” の整合性テストは判定に至りませんでした ({why}) ({findings})。合格とはみなされません。',
    en: 'The integrity test of replica "{replica}" came to no verdict ({why}) ({findings}). It does not count as passed.',
  },
  scheduledTaskSkipped: {
    number: 'WM90307',
    severity: 'warning',
    ja: 'スケジュール タスク「{task}」をスキップしました ({why})。次の予定時刻に実行されます。',
    en: 'The scheduled task "{task}" was skipped ({why}). It runs at its next time.',
  },
} as const satisfies Record<string, CatalogueRecord>;
