import { createServer, request as send } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fingerprint, makeCertificate } from '#simulators/hypervisor/soap/certificate.ts';

export type Relay = {
  readonly port: number;
  readonly certificateSha256: string;
  /** Names of the methods asked for, in order. */
  readonly methods: string[];
  /** Lets the next request for this method through, and cuts the line before its answer. */
  loseAnswerTo(method: string): void;
  /** Cuts the line before the next request for this method reaches the host. */
  loseRequest(method: string): void;
  /** Does something just before the next request for this method reaches the host: a race, on purpose. */
  before(method: string, act: () => void): void;
  /** Sends later requests with this cookie instead of the client's: a session that has died. */
  killSession(): void;
  close(): Promise<void>;
};

/** A line to a host that writes down what it carries and can be cut: loss is made here, never in the host. */
export async function startRelay(hostPort: number, options: { readonly port?: number } = {}): Promise<Relay> {
  const certificate = await makeCertificate('relay.test', Date.now());
  const methods: string[] = [];
  const lostAnswers = new Set<string>();
  const lostRequests = new Set<string>();
  const races = new Map<string, () => void>();
  const deadCookies = new Set<string>();
  let lastCookie = '';

  const carry = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await textOf(incoming);
    const method = /<\w+:Body><(\w+)/.exec(body)?.[1] ?? '';
    if (method !== '') methods.push(method);
    if (lostRequests.delete(method)) return void incoming.socket.destroy();
    races.get(method)?.();
    races.delete(method);
    lastCookie = incoming.headers.cookie ?? lastCookie;
    const headers = { ...incoming.headers };
    if (deadCookies.has(incoming.headers.cookie ?? '')) headers.cookie = 'vmware_soap_session="dead"';
    const answer = await ask(hostPort, incoming, headers, body);
    if (lostAnswers.delete(method)) return void incoming.socket.destroy();
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  };
  const server = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (incoming, outgoing) => {
    carry(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    certificateSha256: fingerprint(certificate.certPem, 'sha256'),
    methods,
    loseAnswerTo: (method) => void lostAnswers.add(method),
    loseRequest: (method) => void lostRequests.add(method),
    before: (method, act) => void races.set(method, act),
    killSession: () => void deadCookies.add(lastCookie),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

function ask(
  port: number,
  incoming: IncomingMessage,
  headers: IncomingMessage['headers'],
  body: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      { host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers, rejectUnauthorized: false },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
