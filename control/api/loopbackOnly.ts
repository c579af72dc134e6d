import type { FastifyInstance } from 'fastify';
import { Problem } from '#control/scenarios/problem.ts';

/** Without TLS and users control listens here and nowhere else. */
export const loopbackHosts: readonly string[] = ['127.0.0.1', '::1'];

const loopbackAuthority = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i;

/**
 * A loopback port is still within reach of every page in the administrator's browser: a foreign name that resolves to
 * 127.0.0.1 (DNS rebinding) and a foreign page that posts here (CSRF) are refused.
 */
export function refuseForeignPages(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    const { host, origin } = request.headers;
    const foreignHost = host === undefined || !loopbackAuthority.test(host);
    const foreignOrigin = origin !== undefined && origin !== `http://${host}`;
    if (!foreignHost && !foreignOrigin) return;
    throw new Problem('forbidden', 'foreignOrigin', {
      ja: 'この API は http://127.0.0.1 または http://localhost からのみ使用できます。',
      en: 'This API is only served to http://127.0.0.1 and http://localhost.',
    });
  });
}
