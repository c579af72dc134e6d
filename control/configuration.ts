import { z } from 'zod';
import { loopbackHosts } from '#control/api/loopbackOnly.ts';
import { Problem } from '#control/scenarios/problem.ts';

const port = z.int().min(0).max(65_535);
const address = z.strictObject({ host: z.string().min(1), port });
const configuration = z.strictObject({
  listen: z
    .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: port.default(8088) })
    .default({ host: '127.0.0.1', port: 8088 }),
  /** Where the store lives. */
  folder: z.string().min(1),
  appliance: address,
  master: address.optional(),
  tls: z.strictObject({ caFile: z.string().min(1), certFile: z.string().min(1), keyFile: z.string().min(1) }),
  /** Control stands apart from master and appliance: it may be the third voter, under the name of its certificate. */
  witness: z.strictObject({ node: z.string().min(1), listen: address }).optional(),
});

/** What `control/main.ts --config` reads. */
export type ControlConfiguration = z.infer<typeof configuration>;

/** Throws a `Problem` that names the first wrong setting, or an address beyond loopback. */
export function readConfiguration(text: string): ControlConfiguration {
  const parsed = configuration.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.map(String).join('.') ?? '';
    throw new Problem('invalid', 'invalidConfiguration', {
      ja: `構成ファイルの ${field === '' ? '内容' : field} が正しくありません (${issue?.message ?? '-'})。必要な項目: listen {host, port}, folder, appliance {host, port}, tls {caFile, certFile, keyFile}、任意: master {host, port}, witness {node, listen {host, port}}。`,
      en: `${field === '' ? 'The content' : field} of the configuration is not valid (${issue?.message ?? '-'}). It holds listen {host, port}, folder, appliance {host, port}, tls {caFile, certFile, keyFile} and, if wanted, master {host, port} and witness {node, listen {host, port}}.`,
    });
  }
  const { host } = parsed.data.listen;
  if (!loopbackHosts.includes(host)) {
    throw new Problem('invalid', 'loopbackOnly', {
      ja: `${host} では待ち受けできません。TLS とユーザー認証がないため、127.0.0.1 または ::1 だけを使用できます。listen.host を 127.0.0.1 に変更し、リモートからは SSH ポート転送を使用してください。`,
      en: `Control does not listen on ${host}: without TLS and users only 127.0.0.1 and ::1 are allowed. Set listen.host to 127.0.0.1, and reach it from elsewhere through an SSH tunnel.`,
    });
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('invalid', 'invalidConfiguration', {
      ja: '構成ファイルは JSON ではありません。構文を確認してください。',
      en: 'The configuration is not JSON. Check its syntax.',
    });
  }
}
