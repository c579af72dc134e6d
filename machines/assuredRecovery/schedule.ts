import type { Schedule } from '#machines/vocabulary.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;
/** 1 January 1970 was a Thursday. */
const epochWeekday = 4;
/** Exclusions may rule a whole year out; a schedule that names no moment within this is none. */
const horizonWeeks = 105;

/** The first moment after `nowMs`, in milliseconds of UTC; undefined when the schedule names none. */
export function nextOccurrenceMs(schedule: Schedule, nowMs: number): number | undefined {
  const offsetMs = schedule.utcOffsetMinutes * 60_000;
  const nowLocalMs = nowMs + offsetMs;
  const hours = hoursOfWeek(schedule);
  const thisWeekMs = startOfWeekMs(nowLocalMs);
  for (let week = 0; week <= horizonWeeks; week += 1)
    for (const hour of hours) {
      const localMs = thisWeekMs + week * weekMs + hour * hourMs;
      if (localMs > nowLocalMs && !schedule.excludedDates.includes(localDate(localMs))) return localMs - offsetMs;
    }
  return undefined;
}

/** Hours since Sunday 00:00 at which the task begins, ascending. */
function hoursOfWeek(schedule: Schedule): readonly number[] {
  if ('everyHours' in schedule) {
    const { everyHours } = schedule;
    return everyHours >= 1 ? Array.from({ length: Math.ceil(168 / everyHours) }, (_, n) => n * everyHours) : [];
  }
  return schedule.days.flatMap((day) => schedule.hours.map((hour) => day * 24 + hour)).toSorted((a, b) => a - b);
}

function startOfWeekMs(localMs: number): number {
  const days = Math.floor(localMs / dayMs);
  const weekday = (((days + epochWeekday) % 7) + 7) % 7;
  return (days - weekday) * dayMs;
}

/** The calendar day of a number of days since 1970 (proleptic Gregorian), without a clock: charts have none (law L11). */
export function localDate(localMs: number): string {
  const shifted = Math.floor(localMs / dayMs) + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

/** What is wrong with a schedule: field and reason; nothing when it can be kept. */
export function scheduleErrors(schedule: Schedule): readonly { readonly field: string; readonly reason: string }[] {
  const errors: { field: string; reason: string }[] = [];
  const wrong = (field: string, reason: string): void => void errors.push({ field: `schedule.${field}`, reason });
  const { utcOffsetMinutes, task, durationMs, excludedDates } = schedule;
  if (!Number.isInteger(utcOffsetMinutes) || Math.abs(utcOffsetMinutes) > 14 * 60)
    wrong('utcOffsetMinutes', '-840 … 840');
  if ('everyHours' in schedule) {
    if (!Number.isInteger(schedule.everyHours) || schedule.everyHours < 1 || schedule.everyHours > 168)
      wrong('everyHours', '1 … 168');
  } else {
    if (schedule.days.length === 0 || schedule.days.some((day) => !Number.isInteger(day) || day < 0 || day > 6))
      wrong('days', '0 … 6');
    if (schedule.hours.length === 0 || schedule.hours.some((hour) => !Number.isInteger(hour) || hour < 0 || hour > 23))
      wrong('hours', '0 … 23');
  }
  for (const date of excludedDates)
    if (!/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/.test(date)) wrong('excludedDates', date);
  if (task === 'suspension' && !(durationMs !== undefined && durationMs > 0 && durationMs <= weekMs))
    wrong('durationMs', '1 … 604800000');
  return errors;
}
