import { faultText } from '#machines/faults.ts';
import type { Fault } from '#machines/faults.ts';

export type Sentences = { readonly ja: string; readonly en: string };
/** One thing wrong with what was asked: the field, why, and the way out. */
export type Finding = Sentences & { readonly field: string };

/** Why control does not do what it was asked. */
export type ProblemKind =
  | 'invalid'
  | 'notFound'
  | 'forbidden'
  | 'refused'
  /** The engine cannot be reached and has not been given the command. */
  | 'notGiven'
  /** The command was sent and its answer was lost. */
  | 'outcomeUnknown'
  | 'engineFault'
  | 'internal';

/** Thrown by control's services and shown by the API and the command line, in the reader's language. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly code: string;
  readonly sentences: Sentences;
  readonly findings: readonly Finding[];

  constructor(kind: ProblemKind, code: string, sentences: Sentences, findings: readonly Finding[] = []) {
    super(sentences.en);
    this.name = 'Problem';
    this.kind = kind;
    this.code = code;
    this.sentences = sentences;
    this.findings = findings;
  }
}

/**
 * What an engine's fault means to the person who asked. The effect decides: only with effect `none` may anybody be told
 * that nothing happened.
 */
export function problemOfFault(fault: Fault): Problem {
  const ja = faultText(fault, 'ja');
  const en = faultText(fault, 'en');
  if (fault.code === 'unreachable' && fault.effect === 'none') {
    return new Problem('notGiven', 'engineUnreachable', {
      ja: `指示は送信されていません。${ja}`,
      en: `The command was not given. ${en}`,
    });
  }
  if (fault.effect === 'unknown' && fault.code !== 'internal') {
    return new Problem('outcomeUnknown', 'outcomeUnknown', {
      ja: `指示は送信されましたが、応答を受信できませんでした。状態を確認してください。同じ Idempotency-Key を付けた再送信は安全です。${ja}`,
      en: `The command was sent, but no answer came. Look at the state first; sending it again with the same Idempotency-Key is safe. ${en}`,
    });
  }
  if (fault.code === 'notFound' && String(fault.params['object']).startsWith('request ')) {
    return new Problem('engineFault', 'notSupported', {
      ja: 'このバージョンの仮想アプライアンスのエンジンでは、この操作を使用できません。',
      en: 'The engine of the appliance does not offer this in its version.',
    });
  }
  if (fault.code === 'notFound') return new Problem('notFound', fault.code, { ja, en });
  if (fault.code === 'invalidSpec') return new Problem('invalid', fault.code, { ja, en });
  return new Problem('engineFault', fault.code, { ja, en });
}
