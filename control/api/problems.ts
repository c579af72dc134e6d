import type { FastifyError, FastifyInstance } from 'fastify';
import { toFault } from '#machines/faults.ts';
import { Problem, problemOfFault } from '#control/scenarios/problem.ts';
import type { ProblemKind, Sentences } from '#control/scenarios/problem.ts';

const kinds: Readonly<Record<ProblemKind, Sentences & { readonly status: number }>> = {
  invalid: { status: 400, ja: '入力に誤りがあります', en: 'The input is not valid' },
  notFound: { status: 404, ja: '見つかりません', en: 'Not found' },
  forbidden: { status: 403, ja: '許可されていません', en: 'Not allowed' },
  refused: { status: 409, ja: 'コマンドは受け付けられませんでした', en: 'The command was refused' },
  notGiven: { status: 503, ja: 'エンジンに接続できません', en: 'The engine cannot be reached' },
  outcomeUnknown: { status: 504, ja: 'エンジンからの応答がありません', en: 'The engine did not answer' },
  engineFault: { status: 502, ja: 'エンジンでエラーが発生しました', en: 'The engine reported a fault' },
  internal: { status: 500, ja: '内部エラー', en: 'Internal error' },
};

/** RFC 9457, with the Japanese sentences beside the English ones. */
export type ProblemDetails = {
  readonly type: string;
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly titleJa: string;
  readonly detail: string;
  readonly detailJa: string;
  readonly findings?: readonly (Sentences & { readonly field: string })[];
};

export function problemDetails(problem: Problem): ProblemDetails {
  const { status, ja, en } = kinds[problem.kind];
  return {
    type: `urn:kagemusha:problem:${problem.code}`,
    status,
    code: problem.code,
    title: en,
    titleJa: ja,
    detail: problem.sentences.en,
    detailJa: problem.sentences.ja,
    ...(problem.findings.length === 0 ? {} : { findings: problem.findings }),
  };
}

/** Whatever a route throws leaves as problem details; what nobody foresaw leaves without its inner text. */
export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((thrown, _request, reply) => {
    const details = problemDetails(toProblem(thrown));
    return reply.status(details.status).type('application/problem+json').send(details);
  });
  app.setNotFoundHandler((request, reply) => {
    const details = problemDetails(
      new Problem('notFound', 'routeNotFound', {
        ja: `${request.method} ${request.url} はありません。`,
        en: `There is no ${request.method} ${request.url}.`,
      }),
    );
    return reply.status(details.status).type('application/problem+json').send(details);
  });
}

function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (isRequestError(thrown)) {
    // The parser's own message may quote the body, and a body may hold a secret.
    return new Problem('invalid', 'malformedRequest', {
      ja: `リクエストを読み取れません (${thrown.code})。JSON 形式の本文を Content-Type: application/json で送信してください。`,
      en: `The request could not be read (${thrown.code}). Send a JSON body with Content-Type: application/json.`,
    });
  }
  const fault = toFault(thrown);
  if (fault.code !== 'internal') return problemOfFault(fault);
  return new Problem('internal', 'internal', {
    ja: '要求を処理できませんでした。コントロール サービスのログを確認してください。',
    en: 'The request could not be served. See the log of the control service.',
  });
}

const isRequestError = (thrown: unknown): thrown is FastifyError =>
  thrown instanceof Error &&
  'statusCode' in thrown &&
  typeof thrown.statusCode === 'number' &&
  thrown.statusCode >= 400 &&
  thrown.statusCode < 500;
