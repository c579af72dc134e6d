import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PartyFault } from '#machines/faults.ts';
import { fingerprint, makeCertificate } from '../hypervisor/soap/certificate.ts';
import type { ServerCertificate } from '../hypervisor/soap/certificate.ts';
import { BmcSessions } from './bmcSessions.ts';
import type { BmcMachine } from './bmcMachine.ts';

/** What happens to an order: its answer is lost before or after the effect, or success is claimed without one. */
export type BmcTrouble = 'lostBefore' | 'lostAfter' | 'claimedOnly' | 'refused' | 'busy';

export type BmcOptions = {
  /** 0 picks a free port. */
  readonly port: number;
  readonly address?: string;
  readonly user: string;
  readonly password: string;
  readonly machine: BmcMachine;
  readonly systemId?: string;
  readonly certificate?: ServerCertificate;
  /** False names no sessions in the root: only basic authentication is left. */
  readonly sessions?: boolean;
  /** False leaves out which resets there are, as older devices do. */
  readonly listsResetTypes?: boolean;
  /** Asked for every order that arrives. */
  readonly onReset?: () => BmcTrouble | undefined;
};

export type BmcServer = {
  readonly port: number;
  /** Lower-case hex. */
  readonly certificateSha256: string;
  readonly sessions: BmcSessions;
  /** How many orders to cut the power arrived. */
  readonly orders: () => number;
  close(): Promise<void>;
};

type Answer = { readonly status: number; readonly body?: object; readonly headers?: Readonly<Record<string, string>> };
type Asked = { readonly method: string; readonly path: string; readonly body: unknown };

const bodyBytesMax = 64 * 1024;

/** A small, strict Redfish BMC (DSP0266) over HTTPS on a real port. Fault: `portInUse`. */
export async function startBmc(options: BmcOptions): Promise<BmcServer> {
  const certificate = options.certificate ?? (await makeCertificate('bmc-simulator', Date.now()));
  const service = new BmcService(options);
  const server = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (request, response) => {
    service.serve(request, response).catch(() => response.destroy());
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PartyFault('portInUse', { port: options.port }) : error),
    );
    server.listen(options.port, options.address ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    certificateSha256: fingerprint(certificate.certPem, 'sha256'),
    sessions: service.sessions,
    orders: () => service.orders,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class BmcService {
  readonly sessions: BmcSessions;
  orders = 0;
  readonly #options: BmcOptions;
  readonly #system: string;

  constructor(options: BmcOptions) {
    this.#options = options;
    this.#system = `/redfish/v1/Systems/${options.systemId ?? '1'}`;
    this.sessions = new BmcSessions(options);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const method = request.method ?? '';
    const path = (request.url ?? '').replace(/(?<=.)\/$/, '');
    const answer = await this.#answer(request, { method, path, body });
    // A lost answer is a connection that closes without one.
    if (answer === undefined) return void response.destroy();
    response.writeHead(answer.status, {
      'odata-version': '4.0',
      'cache-control': 'no-store',
      ...(answer.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...answer.headers,
    });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  async #answer(request: IncomingMessage, asked: Asked): Promise<Answer | undefined> {
    const { path, method, body } = asked;
    if (request.headers['odata-version'] !== undefined && request.headers['odata-version'] !== '4.0') {
      return refused(412, 'PreconditionFailed', 'OData-Version is 4.0');
    }
    if (method === 'POST' && !/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
      return refused(415, 'UnsupportedMediaType', 'Content-Type is application/json');
    }
    if (body === malformed) return refused(400, 'MalformedJSON', 'The body is not JSON');
    if (path === '/redfish') return only('GET', method, { v1: '/redfish/v1/' });
    const withSessions = this.#options.sessions !== false;
    if (path === '/redfish/v1') return only('GET', method, serviceRoot(withSessions));
    if (withSessions && path === sessionsPath && method === 'POST') return this.#logIn(body);
    if (!this.sessions.admits(request.headers)) return refused(401, 'NoValidSession', 'There is no valid session');
    if (withSessions && path.startsWith(`${sessionsPath}/`) && method === 'DELETE') {
      return this.sessions.end(path.slice(sessionsPath.length + 1)) ? { status: 204 } : notFound(path);
    }
    if (path === '/redfish/v1/Systems') {
      return only('GET', method, {
        '@odata.id': path,
        '@odata.type': '#ComputerSystemCollection.ComputerSystemCollection',
        Name: 'Systems',
        'Members@odata.count': 1,
        Members: [{ '@odata.id': this.#system }],
      });
    }
    if (path === this.#system) return only('GET', method, await this.#describe());
    if (path === `${this.#system}/Actions/ComputerSystem.Reset`) {
      return method === 'POST' ? this.#reset(body) : notAllowed('POST');
    }
    return notFound(path);
  }

  #logIn(body: unknown): Answer {
    const made = this.sessions.logIn(body);
    if (made === 'full') return refused(503, 'SessionLimitExceeded', 'Too many sessions');
    if (made === 'wrong') return refused(401, 'ResourceAtUriUnauthorized', 'User name or password are wrong');
    const location = `${sessionsPath}/${made.id}`;
    return {
      status: 201,
      headers: { 'x-auth-token': made.token, location },
      body: { '@odata.id': location, '@odata.type': '#Session.v1_3_0.Session', Id: made.id, Name: 'Session' },
    };
  }

  async #describe(): Promise<object> {
    const { systemId = '1', listsResetTypes } = this.#options;
    return {
      '@odata.id': this.#system,
      '@odata.type': '#ComputerSystem.v1_16_0.ComputerSystem',
      Id: systemId,
      Name: 'System',
      Manufacturer: 'Kagemusha',
      Model: 'BMC simulator',
      SerialNumber: `KGM-${systemId}`,
      UUID: '00000000-0000-4000-8000-400941248600',
      PowerState: await this.#options.machine.power(),
      Actions: {
        '#ComputerSystem.Reset': {
          target: `${this.#system}/Actions/ComputerSystem.Reset`,
          ...(listsResetTypes === false ? {} : { 'ResetType@Redfish.AllowableValues': ['ForceOff'] }),
        },
      },
    };
  }

  async #reset(body: unknown): Promise<Answer | undefined> {
    const parameters = typeof body === 'object' && body !== null ? body : {};
    const unknown = Object.keys(parameters).find((name) => name !== 'ResetType');
    if (unknown !== undefined) return refused(400, 'ActionParameterUnknown', `There is no parameter ${unknown}`);
    const type: unknown = 'ResetType' in parameters ? parameters.ResetType : undefined;
    if (type !== 'ForceOff') return refused(400, 'ActionParameterNotSupported', 'ResetType is ForceOff');
    this.orders += 1;
    const { machine, onReset } = this.#options;
    const trouble = onReset?.();
    if (trouble === 'refused') return refused(403, 'InsufficientPrivilege', 'The account may not do this');
    if (trouble === 'busy') return refused(503, 'ServiceTemporarilyUnavailable', 'Try again later');
    if (trouble === 'lostBefore') return undefined;
    if (trouble === 'claimedOnly') return { status: 204 };
    if ((await machine.power()) === 'Off') return refused(409, 'ResourceInUse', 'The system is off already');
    await machine.cutPower();
    return trouble === 'lostAfter' ? undefined : { status: 204 };
  }
}

const sessionsPath = '/redfish/v1/SessionService/Sessions';
const serviceRoot = (withSessions: boolean) => ({
  '@odata.id': '/redfish/v1/',
  '@odata.type': '#ServiceRoot.v1_11_0.ServiceRoot',
  Id: 'RootService',
  Name: 'BMC simulator',
  RedfishVersion: '1.11.0',
  Systems: { '@odata.id': '/redfish/v1/Systems' },
  Links: withSessions ? { Sessions: { '@odata.id': sessionsPath } } : {},
});
const malformed = Symbol('malformed');

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyBytesMax) return malformed;
    parts.push(part);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return malformed;
  }
}

const only = (allowed: string, method: string, body: object): Answer =>
  method === allowed ? { status: 200, body } : notAllowed(allowed);
const notAllowed = (allow: string): Answer => {
  return { ...refused(405, 'OperationNotAllowed', `Only ${allow}`), headers: { allow } };
};
const notFound = (path: string): Answer => refused(404, 'ResourceMissingAtURI', `There is nothing at ${path}`);

function refused(status: number, messageId: string, message: string): Answer {
  const id = `Base.1.8.${messageId}`;
  const extended = [{ '@odata.type': '#Message.v1_1_1.Message', MessageId: id, Message: message }];
  return { status, body: { error: { code: id, message, '@Message.ExtendedInfo': extended } } };
}
