import { z } from 'zod';
import { name, port, secretName, userName } from './draftFields.ts';

const day = 86_400_000;
const check = { name, timeoutMs: z.int().min(100).max(3_600_000) };
const fullPath = z.string().min(1).max(1_024);
const script = z.strictObject({ kind: z.literal('script'), ...check, path: fullPath });
const database = z.strictObject({
  kind: z.literal('database'),
  ...check,
  system: z.enum(['postgresql', 'mysql', 'sqlServer', 'oracle']),
  port,
  database: name,
  user: userName,
  secretName,
  query: z.string().min(1).max(4_096),
});
const serviceCheck = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('port'), ...check, port }),
  script,
  database,
]);

/** What else belongs to being alive (guide product 5). */
export const isAliveChecks = z
  .strictObject({
    script: script.exactOptional(),
    database: database.exactOptional(),
    action: z.enum(['notify', 'switchover']).default('notify'),
  })
  .exactOptional();

/** Guide 6-5: without it there are no integrity tests (R5). */
export const assuredRecovery = z
  .strictObject({
    checks: z.array(serviceCheck).max(32).default([]),
    testMsMax: z
      .int()
      .min(60_000)
      .max(7 * day)
      .exactOptional(),
  })
  .exactOptional();

const scheduled = {
  task: z.enum(['assuredRecovery', 'suspension']),
  utcOffsetMinutes: z.int().min(-720).max(840),
  excludedDates: z.array(z.iso.date()).max(400).default([]),
  durationMs: z
    .int()
    .min(60_000)
    .max(7 * day)
    .exactOptional(),
};
const weekday = z.literal([0, 1, 2, 3, 4, 5, 6]);

/** One task a scenario (R10): the second cannot even be written down. */
export const schedule = z
  .union([
    z.strictObject({
      ...scheduled,
      days: z.array(weekday).min(1).max(7),
      hours: z.array(z.int().min(0).max(23)).min(1).max(24),
    }),
    z.strictObject({ ...scheduled, everyHours: z.int().min(1).max(168) }),
  ])
  .exactOptional();
