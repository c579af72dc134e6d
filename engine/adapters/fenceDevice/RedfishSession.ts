import { PartyFault } from '#machines/faults.ts';
import { PinnedHttps } from '../PinnedHttps.ts';
import type { WireRequest, WireResponse } from '../PinnedHttps.ts';
import { parseSessionsPath, reasonOf } from './redfishMessages.ts';

export type RedfishAccount = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** SHA-256 of the device's own certificate, hex; colons and case do not matter. */
  readonly certificateSha256: string;
};
export type RedfishCall = Pick<WireRequest, 'method' | 'path' | 'timeoutMs' | 'mutating'> & { readonly body?: object };
type Headers = Readonly<Record<string, string>>;

const rootPath = '/redfish/v1/';

/**
 * Requests to one BMC as one account: in a session, or with basic authentication where a device has no sessions. A
 * refused password is remembered and never sent again, because BMCs lock accounts.
 */
export class RedfishSession {
  readonly #account: RedfishAccount;
  readonly #wire: PinnedHttps;
  #headers: Headers | undefined;
  #sessionPath: string | undefined;
  #loggingIn: Promise<Headers> | undefined;
  #refused = false;

  constructor(account: RedfishAccount) {
    this.#account = account;
    this.#wire = new PinnedHttps({ host: account.host, port: account.port }, account.certificateSha256);
  }

  /**
   * One request; on a session that has died meanwhile, once more on a new one. Answers of the device are returned,
   * whatever their status. Faults: `badCredentials`, `untrustedCertificate`, `unreachable`, `effectUnknown`.
   */
  async call(wanted: RedfishCall): Promise<WireResponse> {
    const used = await this.#ready(wanted.timeoutMs);
    const answer = await this.#send(wanted, used);
    if (answer.status !== 401) return answer;
    if (!('x-auth-token' in used)) throw this.#refuse();
    if (this.#headers === used) this.#headers = this.#sessionPath = undefined;
    const again = await this.#send(wanted, await this.#ready(wanted.timeoutMs));
    // Right after a login it is not the session that is refused.
    if (again.status === 401) throw this.#refuse();
    return again;
  }

  /** Ends the session: an open one counts against the device's few. */
  async close(): Promise<void> {
    const path = this.#sessionPath;
    const headers = this.#headers;
    this.#sessionPath = this.#headers = undefined;
    try {
      if (path !== undefined) await this.#send({ method: 'DELETE', path, timeoutMs: 2000, mutating: false }, headers);
    } catch {
      // A session that cannot be ended runs out by itself.
    }
    this.#wire.close();
  }

  async #ready(timeoutMs: number): Promise<Headers> {
    if (this.#refused) throw this.#refuse();
    if (this.#headers !== undefined) return this.#headers;
    this.#loggingIn ??= this.#logIn(timeoutMs).finally(() => (this.#loggingIn = undefined));
    return this.#loggingIn;
  }

  async #logIn(timeoutMs: number): Promise<Headers> {
    const { user, password, host } = this.#account;
    // Everybody may read the root, so asking it costs none of the few tries that a password has.
    const root = await this.#send({ method: 'GET', path: rootPath, timeoutMs, mutating: false });
    const path = parseSessionsPath(root.text);
    if (path === undefined) {
      if (root.status !== 200) throw new PartyFault('unreachable', { host, reason: reasonOf(root.status, root.text) });
      const basic = Buffer.from(`${user}:${password}`, 'utf8').toString('base64');
      return (this.#headers = { authorization: `Basic ${basic}` });
    }
    const body = { UserName: user, Password: password };
    const { status, headers } = await this.#send({ method: 'POST', path, body, timeoutMs, mutating: false });
    if (status === 401 || status === 403) throw this.#refuse();
    const token = headers['x-auth-token'];
    if (status >= 300 || typeof token !== 'string') {
      throw new PartyFault('unreachable', { host, reason: reasonOf(status, '') });
    }
    this.#sessionPath = pathOf(headers.location);
    return (this.#headers = { 'x-auth-token': token });
  }

  #refuse(): PartyFault {
    this.#refused = true;
    return new PartyFault('badCredentials', { host: this.#account.host });
  }

  #send({ body, ...wanted }: RedfishCall, headers?: Headers): Promise<WireResponse> {
    return this.#wire.exchange({
      ...wanted,
      headers: {
        accept: 'application/json',
        'odata-version': '4.0',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

/** Devices answer with a path or with a whole address; only the path is ours to use. */
const pathOf = (location: string | undefined): string | undefined => location?.replace(/^https?:\/\/[^/]+/, '');
