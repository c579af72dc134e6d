import { describe, expect, it } from 'vitest';
import { localDate, nextOccurrenceMs, scheduleErrors } from '#machines/assuredRecovery/schedule.ts';
import type { Schedule } from '#machines/vocabulary.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

const at = (text: string): number => Date.parse(text);
const japan = 540;

const nightly: Schedule = {
  task: 'assuredRecovery',
  utcOffsetMinutes: japan,
  excludedDates: [],
  days: [1, 3],
  hours: [2, 14],
};
const every36: Schedule = { task: 'assuredRecovery', utcOffsetMinutes: 0, excludedDates: [], everyHours: 36 };

const occurrences = (schedule: Schedule, fromMs: number, count: number): (string | undefined)[] => {
  const found: (string | undefined)[] = [];
  let nowMs: number | undefined = fromMs;
  for (let n = 0; n < count && nowMs !== undefined; n += 1) {
    nowMs = nextOccurrenceMs(schedule, nowMs);
    found.push(nowMs === undefined ? undefined : new Date(nowMs).toISOString());
  }
  return found;
};

describe('the next time of a scheduled task', () => {
  it('days and hours are those of the local time', () => {
    // Monday 2026-11-23 02:00 in Japan is Sunday 17:00 UTC.
    expect(occurrences(nightly, at('2026-11-22T00:00:00Z'), 5)).toEqual([
      '2026-11-22T17:00:00.000Z',
      '2026-11-23T05:00:00.000Z',
      '2026-11-24T17:00:00.000Z',
      '2026-11-25T05:00:00.000Z',
      '2026-11-29T17:00:00.000Z',
    ]);
  });

  it('is after now, never now', () => {
    const due = at('2026-11-22T17:00:00Z');
    expect(nextOccurrenceMs(nightly, due - 1)).toBe(due);
    expect(nextOccurrenceMs(nightly, due)).toBe(at('2026-11-23T05:00:00Z'));
  });

  it('every N hours begins anew with each week', () => {
    expect(occurrences(every36, at('2026-11-22T00:00:00Z') - 1, 6)).toEqual([
      '2026-11-22T00:00:00.000Z',
      '2026-11-23T12:00:00.000Z',
      '2026-11-25T00:00:00.000Z',
      '2026-11-26T12:00:00.000Z',
      '2026-11-28T00:00:00.000Z',
      '2026-11-29T00:00:00.000Z',
    ]);
    expect(occurrences({ ...every36, everyHours: 168 }, at('2026-11-22T00:00:00Z'), 1)).toEqual([
      '2026-11-29T00:00:00.000Z',
    ]);
  });

  it('every N hours agrees with counting them out, for every N and every hour of a week', () => {
    const sunday = at('2026-11-22T00:00:00Z');
    const hourMs = 3_600_000;
    for (let everyHours = 1; everyHours <= 168; everyHours += 1)
      for (let hour = 0; hour < 168; hour += 7) {
        const later = hour - (hour % everyHours) + everyHours;
        const expected = sunday + Math.min(later, 168) * hourMs;
        expect(nextOccurrenceMs({ ...every36, everyHours }, sunday + hour * hourMs)).toBe(expected);
      }
  });

  it('days and hours agree with a search hour by hour, in many offsets', () => {
    const hourMs = 3_600_000;
    for (const utcOffsetMinutes of [-720, -210, 0, 330, 540, 840]) {
      const schedule: Schedule = { ...nightly, utcOffsetMinutes, days: [0, 4, 6], hours: [0, 5, 23] };
      for (let step = 0; step < 200; step += 1) {
        const nowMs = at('2026-02-20T00:00:00Z') + step * 2.5 * hourMs;
        const local = nowMs + utcOffsetMinutes * 60_000;
        let candidate = Math.floor(local / hourMs) * hourMs + hourMs;
        const fits = (): boolean => {
          const date = new Date(candidate);
          return [0, 4, 6].includes(date.getUTCDay()) && [0, 5, 23].includes(date.getUTCHours());
        };
        while (!fits()) candidate += hourMs;
        expect(nextOccurrenceMs(schedule, nowMs)).toBe(candidate - utcOffsetMinutes * 60_000);
      }
    }
  });

  it('an excluded date is one of the local calendar', () => {
    const schedule = { ...nightly, excludedDates: ['2026-11-23'] };
    expect(occurrences(schedule, at('2026-11-22T00:00:00Z'), 1)).toEqual(['2026-11-24T17:00:00.000Z']);
  });

  it('goes over the ends of months and years, and before 1970', () => {
    expect(
      occurrences({ ...nightly, utcOffsetMinutes: 0, days: [5], hours: [0] }, at('2026-12-30T00:00:00Z'), 1),
    ).toEqual(['2027-01-01T00:00:00.000Z']);
    expect(occurrences(every36, at('1969-12-30T00:00:00Z'), 1)).toEqual(['1969-12-31T00:00:00.000Z']);
  });

  it('names no moment when nothing is left', () => {
    expect(nextOccurrenceMs({ ...nightly, days: [], hours: [2] }, 0)).toBeUndefined();
    const sundays = Array.from({ length: 120 }, (_, week) =>
      new Date(at('2026-11-22T00:00:00Z') + week * 7 * 86_400_000).toISOString().slice(0, 10),
    );
    const never: Schedule = { ...every36, everyHours: 168, excludedDates: sundays };
    expect(nextOccurrenceMs(never, at('2026-11-22T00:00:00Z'))).toBeUndefined();
  });

  it('the calendar is the one of everybody else', () => {
    for (let day = -200_000; day < 200_000; day += 97) {
      const ms = day * 86_400_000;
      const iso = new Date(ms).toISOString();
      if (/^\d{4}-/.test(iso)) expect(localDate(ms)).toBe(iso.slice(0, 10));
    }
    expect(localDate(at('2028-02-29T23:59:59Z'))).toBe('2028-02-29');
    expect(localDate(at('2100-03-01T00:00:00Z'))).toBe('2100-03-01');
  });

  it('says what cannot be kept', () => {
    const fieldsOf = (schedule: object): string[] => scheduleErrors(schedule as Schedule).map(({ field }) => field);
    expect(fieldsOf(nightly)).toEqual([]);
    expect(fieldsOf(every36)).toEqual([]);
    expect(fieldsOf({ ...nightly, days: [], hours: [24] })).toEqual(['schedule.days', 'schedule.hours']);
    expect(fieldsOf({ ...every36, everyHours: 0 })).toEqual(['schedule.everyHours']);
    expect(fieldsOf({ ...every36, everyHours: 169 })).toEqual(['schedule.everyHours']);
    expect(fieldsOf({ ...every36, excludedDates: ['2026-13-01'] })).toEqual(['schedule.excludedDates']);
    expect(fieldsOf({ ...every36, utcOffsetMinutes: 900 })).toEqual(['schedule.utcOffsetMinutes']);
    expect(fieldsOf({ ...every36, task: 'suspension' })).toEqual(['schedule.durationMs']);
  });
});

const hourMs = 3_600_000;
const assuredRecovery = { checks: [{ kind: 'port' as const, name: 'http', port: 80, timeoutMs: 60_000 }] };
/** The simulated clock begins with 1 January 1970, a Thursday. */
const daily: Schedule = {
  task: 'assuredRecovery',
  utcOffsetMinutes: 0,
  excludedDates: [],
  days: [0, 1, 2, 3, 4, 5, 6],
  hours: [2],
};

/** Just before the scheduled hour. */
const untilDue = async (site: ScriptedSite): Promise<void> => {
  const due = nextOccurrenceMs(daily, site.clock.nowMs()) ?? 0;
  await site.clock.advance(due - site.clock.nowMs() - 1);
};

describe('a scheduled task', () => {
  it('tests at its hour, every day', async () => {
    const site = new ScriptedSite({}, { assuredRecovery, schedule: daily });
    await site.runToReplicating();
    await untilDue(site);
    expect(site.codes).not.toContain('integrityTestStarted');
    await site.clock.advance(1);
    expect(site.codes).toContain('integrityTestPassed');
    expect(site.state).toContain('flow.connected');
    await site.clock.advance(24 * hourMs);
    expect(site.codes.filter((code) => code === 'integrityTestPassed')).toHaveLength(2);
  });

  it('is skipped aloud when the scenario is busy', async () => {
    const site = new ScriptedSite({}, { assuredRecovery, schedule: daily });
    await site.runToReplicating();
    await site.tell('operator.suspend');
    await untilDue(site);
    await site.clock.advance(1);
    expect(site.codes).toContain('scheduledTaskSkipped');
    expect(site.codes).not.toContain('integrityTestStarted');
    await site.tell('operator.resume');
    await site.clock.advance(24 * hourMs);
    expect(site.codes).toContain('integrityTestPassed');
  });

  it('is skipped aloud when nobody was there at its time, and comes again', async () => {
    const site = new ScriptedSite({}, { assuredRecovery, schedule: daily });
    await site.runToReplicating();
    await untilDue(site);
    site.host.stop();
    await site.clock.advance(3 * hourMs);
    site.restart();
    await site.tell('appliance.restarted');
    expect(site.codes).toContain('scheduledTaskSkipped');
    expect(site.codes).not.toContain('integrityTestStarted');
    await site.clock.advance(24 * hourMs);
    expect(site.codes).toContain('integrityTestPassed');
  });

  it('a suspension ends by itself, or when somebody resumes it', async () => {
    const schedule: Schedule = { ...daily, task: 'suspension', durationMs: hourMs };
    const site = new ScriptedSite({}, { schedule });
    await site.runToReplicating();
    await untilDue(site);
    await site.clock.advance(1);
    expect(site.state).toContain('flow.suspendedForAWhile');
    await site.clock.advance(hourMs - 1);
    expect(site.state).toContain('flow.suspendedForAWhile');
    await site.clock.advance(1);
    expect(site.state).toContain('flow.connected');
    expect(site.codes).toContain('replicationResumed');

    await untilDue(site);
    await site.clock.advance(1);
    await site.tell('operator.resume');
    expect(site.state).toContain('flow.connected');
    await site.tell('operator.suspend');
    await site.clock.advance(2 * hourMs);
    expect(site.state).toContain('flow.suspended ');
  });

  it('is refused at the verification when there is nothing to begin', async () => {
    const without = new ScriptedSite({}, { schedule: daily });
    await without.tell('operator.run');
    expect(without.state).toBe('stopped');
    const incapable = new ScriptedSite({}, { ...definition, assuredRecovery, schedule: daily }, []);
    await incapable.tell('operator.run');
    expect(incapable.state).toBe('stopped');
    expect(incapable.codes).toContain('verificationFailed');
  });
});
