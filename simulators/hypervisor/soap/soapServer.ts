import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PartyFault } from '#machines/faults.ts';
import { formatDatastorePath } from '../model/datastorePath.ts';
import type { ServerCertificate } from './certificate.ts';
import type { SoapDispatch } from './dispatch.ts';
import type { Ground } from './ground.ts';
import { apiVersions } from './hostIdentity.ts';
import type { HypervisorModel } from '../model/hypervisorModel.ts';

const bodyBytesMost = 4 * 2 ** 20;
const cookieName = 'vmware_soap_session';

export type SoapServerParts = {
  readonly certificate: ServerCertificate;
  readonly dispatch: SoapDispatch;
  readonly model: HypervisorModel;
  readonly ground: Ground;
};

/** Starts to serve `/sdk` and `/folder`. Fault: `portInUse`. */
export async function listenSoap(
  parts: SoapServerParts,
  address: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { certPem: cert, keyPem: key } = parts.certificate;
  const server = createServer({ cert, key, minVersion: 'TLSv1.2' }, (request, response) => {
    serve(parts, request, response).catch((thrown: unknown) => {
      if (!response.headersSent) sendText(response, 500, 'text/html', `<html>${String(thrown)}</html>`);
      else response.destroy();
    });
  });
  // Longer than a client rests between two calls: a connection closed just as it is used again looks like a lost answer.
  server.keepAliveTimeout = 600_000;
  await listen(server, address);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(new PartyFault('portInUse', { port }));
      else reject(error);
    });
    server.listen(port, host, resolve);
  });
}

async function serve(parts: SoapServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://host');
  if (request.method === 'GET' && /^\/sdk\/vimServiceVersions\.xml$/.test(url.pathname)) {
    sendText(response, 200, 'text/xml', serviceVersions());
  } else if (request.method === 'POST' && /^\/sdk\/?$/.test(url.pathname)) {
    await serveSoap(parts, request, response);
  } else if (/^(GET|HEAD)$/.test(request.method ?? '') && url.pathname.startsWith('/folder/')) {
    await serveFile(parts, url, request, response);
  } else {
    sendText(response, 404, 'text/html', '<html><body>404 Not Found</body></html>');
  }
}

async function serveSoap(
  { dispatch }: SoapServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) return sendText(response, 413, 'text/html', '<html>too large</html>');
  const action = request.headers.soapaction;
  const answer = await dispatch.answer({
    body,
    soapAction: Array.isArray(action) ? action[0] : action,
    sessionKey: sessionKeyOf(request),
  });
  if (answer.lost) {
    request.socket.destroy();
    return;
  }
  if (typeof answer.cookie === 'string') {
    response.setHeader('Set-Cookie', `${cookieName}="${answer.cookie}"; Path=/; HttpOnly; Secure; `);
  } else if (answer.cookie === null) {
    response.setHeader('Set-Cookie', `${cookieName}=""; Path=/; Max-Age=0; HttpOnly; Secure; `);
  }
  sendText(response, answer.status, 'text/xml; charset=utf-8', answer.body);
}

function sessionKeyOf(request: IncomingMessage): string | undefined {
  // The quotes belong to the value: a client returns them as it got them.
  return new RegExp(`${cookieName}="([^"]*)"`).exec(request.headers.cookie ?? '')?.[1];
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bodyBytesMost) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

function serviceVersions(): string {
  const [newest, ...prior] = apiVersions;
  const versions = prior.map((version) => `<version>${version}</version>`).join('');
  return (
    `<?xml version="1.0" encoding="UTF-8" ?>\n<namespaces version="1.0"><namespace><name>urn:vim25</name>` +
    `<version>${newest}</version><priorVersions>${versions}</priorVersions></namespace></namespaces>`
  );
}

function basicSession({ model }: SoapServerParts, request: IncomingMessage): boolean {
  const match = /^Basic (.+)$/.exec(request.headers.authorization ?? '');
  if (match?.[1] === undefined) return false;
  const [user = '', ...password] = Buffer.from(match[1], 'base64').toString('utf8').split(':');
  try {
    model.sessions.logout(model.sessions.login(user, password.join(':')).key);
    return true;
  } catch {
    return false;
  }
}

/** `/folder/<path>?dcPath=ha-datacenter&dsName=<datastore>`, with ranges, for whoever is logged in. */
async function serveFile(
  parts: SoapServerParts,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (parts.model.sessions.use(sessionKeyOf(request)) === undefined && !basicSession(parts, request)) {
    response.setHeader('WWW-Authenticate', 'Basic realm="VMware HTTP server"');
    return sendText(response, 401, 'text/html', '<html>401 Unauthorized</html>');
  }
  const file = decodeURIComponent(url.pathname.slice('/folder/'.length));
  let real: string;
  try {
    const path = formatDatastorePath({ datastore: url.searchParams.get('dsName') ?? '', file });
    parts.model.disks.datastoreOf(path);
    real = parts.ground.realPath(path);
  } catch {
    return sendText(response, 404, 'text/html', '<html>404 Not Found</html>');
  }
  const about = await stat(real).catch(() => undefined);
  if (about?.isFile() !== true) return sendText(response, 404, 'text/html', '<html>404 Not Found</html>');
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = range === null ? 0 : Number(range[1]);
  const end = Math.min(about.size - 1, range?.[2] ? Number(range[2]) : about.size - 1);
  if (range !== null && start > end) return sendText(response, 416, 'text/html', '<html>416</html>');
  response.writeHead(range === null ? 200 : 206, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': end - start + 1,
    ...(range === null ? {} : { 'Content-Range': `bytes ${start}-${end}/${about.size}` }),
  });
  if (request.method === 'HEAD' || about.size === 0) response.end();
  else
    createReadStream(real, { start, end })
      .on('error', () => response.destroy())
      .pipe(response);
}
