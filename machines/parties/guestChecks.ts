import type { ServiceCheck } from '#machines/vocabulary.ts';
import type { Intent } from './intent.ts';

/** `evidence`: what was seen, in words for a person; never what a secret could be read from. */
export type CheckAnswer = { readonly outcome: 'passed' | 'failed'; readonly evidence: string };

/**
 * The guest of a test VM, asked whether it works. Services start after their system does: a check is asked again and
 * again, and is answered `failed` only when at its deadline the guest still says no. A guest that says nothing is a
 * fault, never an answer.
 *
 * Faults: `unreachable`, `timedOut`, `notAvailable`, `badCredentials`, `notFound` (no such VM).
 */
export interface GuestChecks {
  /** Changes nothing outside the guest. Answers shortly before the intent's deadline at the latest. */
  check(question: { readonly vmId: string; readonly check: ServiceCheck }, intent: Intent): Promise<CheckAnswer>;
}
