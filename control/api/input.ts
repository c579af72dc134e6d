import { z } from 'zod';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioId } from '#machines/vocabulary.ts';
import { Problem } from '#control/scenarios/problem.ts';
import type { Sentences } from '#control/scenarios/problem.ts';

const invalid = (field: string, sentences: Sentences): Problem =>
  new Problem('invalid', 'invalidInput', sentences, [{ field, ...sentences }]);

const eventsQuery = z.object({
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

/** `?after=` (events behind this number, oldest first; without it the newest) and `?limit=` (1 … 1000). */
export function readEventsQuery(query: unknown): { readonly after?: number; readonly most: number } {
  const parsed = eventsQuery.safeParse(query);
  if (!parsed.success) {
    const field = String(parsed.error.issues[0]?.path[0] ?? 'after');
    throw invalid(field, {
      ja: `${field} の値が正しくありません。after には 0 以上の整数、limit には 1 から 1000 の整数を指定してください。`,
      en: `${field} is not valid. Give whole numbers: after from 0, limit from 1 to 1000.`,
    });
  }
  const { after, limit } = parsed.data;
  return { most: limit, ...(after === undefined ? {} : { after }) };
}

export function readScenarioId(text: string): ScenarioId {
  if (/^\d{10}$/.test(text)) return scenarioId(text);
  throw invalid('id', {
    ja: `シナリオ ID は 10 桁の数字です: ${text.slice(0, 40)}`,
    en: `A scenario id has ten digits, not '${text.slice(0, 40)}'.`,
  });
}

export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header)) return header;
  throw invalid('Idempotency-Key', {
    ja: 'Idempotency-Key には 1 から 128 文字の英数字または記号を 1 つだけ指定してください。',
    en: 'Give one Idempotency-Key of 1 to 128 visible ASCII characters.',
  });
}

/** The value is never part of a message. */
export function readSecret(body: unknown): { readonly name: string; readonly value: string } {
  const parsed = z
    .strictObject({ name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), value: z.string().min(1).max(4096) })
    .safeParse(body);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path[0];
  const field = path === 'name' || path === 'value' ? path : 'body';
  throw invalid(field, {
    ja: 'name (英数字と . _ -、64 文字以内) と value (1 から 4096 文字) を指定してください。',
    en: 'Give name (letters, digits and . _ -, at most 64) and value (1 to 4096 characters).',
  });
}
