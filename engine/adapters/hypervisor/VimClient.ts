import { PartyFault } from '#machines/faults.ts';
import { decodeFault, decodeReturn } from '#engine/protocol/vim25/decode.ts';
import { encodeCall, envelope } from '#engine/protocol/vim25/encode.ts';
import { compareVersions, isA, knownVersions, methodNamed } from '#engine/protocol/vim25/schema.ts';
import { childNamed, dataListAt, MoRef, moRefAt, textAt } from '#engine/protocol/vim25/values.ts';
import type { VimData, VimValue, XmlElement } from '#engine/protocol/vim25/values.ts';
import { VimFault, vimFaultOf } from './faults.ts';
import { parseXml } from './parseXml.ts';
import { PinnedHttps } from '../PinnedHttps.ts';
import type { WireResponse } from '../PinnedHttps.ts';

export type VimAddress = { readonly host: string; readonly port: number; readonly certificateSha256: string };
export type VimCredentials = { readonly user: string; readonly password: string };
export type VimArguments = Readonly<Record<string, VimValue | undefined>>;

const callTimeoutMs = 60_000;
const path = '/sdk';

/** Calls whose lost answer hides nothing that matters: asking, and objects of our own session. */
const questions = new Set([
  'RetrieveServiceContent',
  'CurrentTime',
  'Login',
  'Logout',
  'CreateContainerView',
  'DestroyView',
  'CreatePropertyCollector',
  'DestroyPropertyCollector',
  'CreateFilter',
  'RetrievePropertiesEx',
  'ContinueRetrievePropertiesEx',
  'WaitForUpdatesEx',
  'QueryVirtualDiskUuid',
  'SearchDatastore_Task',
  'RefreshDatastoreStorageInfo',
]);

/**
 * One session with one host. Logs in when it is first needed and again, once a piece of work, when the session has
 * died. A refused password is remembered and never sent again: hosts lock accounts.
 *
 * Every method throws `VimFault` for what the host says, and `PartyFault` for the wire: `unreachable`,
 * `untrustedCertificate`, `effectUnknown`, `badCredentials`.
 */
export class VimClient {
  readonly #host: string;
  readonly #wire: PinnedHttps;
  #credentials: VimCredentials;
  #refused = false;
  #apiVersion: string | undefined;
  #content: VimData | undefined;
  #cookie: string | undefined;
  /** Counts the sessions: work that began in an older one lost its views and collectors. */
  #session = 0;
  #alive = false;
  #loggingIn: Promise<void> | undefined;

  constructor({ host, port, certificateSha256 }: VimAddress, credentials: VimCredentials) {
    this.#host = host;
    this.#wire = new PinnedHttps({ host, port }, certificateSha256);
    this.#credentials = credentials;
  }

  /** Corrected credentials: what was remembered about the old ones is forgotten. */
  useCredentials(credentials: VimCredentials): void {
    this.#credentials = credentials;
    this.#refused = false;
    this.#forgetSession();
  }

  /** What the host says about itself and where its parts are; a part it does not have is absent. */
  async serviceContent(): Promise<VimData> {
    await this.#ready();
    return this.#content ?? {};
  }

  /** A part of the host, e.g. `propertyCollector`. Throws `VimFault` NotSupported when the host has none. */
  async part(name: string): Promise<MoRef> {
    const found = moRefAt(await this.serviceContent(), name);
    if (found === undefined) throw new VimFault({ type: 'NotSupported', message: `no ${name}`, detail: {} });
    return found;
  }

  /** One call, repeated once on a new session if the old one had died. */
  async call(self: MoRef, method: string, args: VimArguments = {}): Promise<VimValue | undefined> {
    return this.inSession(() => this.callOnce(self, method, args));
  }

  /**
   * Work that makes objects of the session (views, collectors): when the session dies in the middle, all of it is
   * done again on a new one. The work uses `callOnce`.
   */
  async inSession<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#ready();
    const session = this.#session;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof VimFault) || !this.#diedUnder(error, session)) throw error;
      if (this.#session === session) this.#forgetSession();
      await this.#ready();
      return work();
    }
  }

  /** One call on the session as it is. `longPollMs` is how long the host may hold the answer back. */
  async callOnce(
    self: MoRef,
    methodName: string,
    args: VimArguments = {},
    longPollMs?: number,
  ): Promise<VimValue | undefined> {
    const apiVersion = this.#apiVersion ?? '6.0';
    const cookie = this.#cookie;
    const response = await this.#wire.exchange({
      method: 'POST',
      path,
      headers: {
        'content-type': 'text/xml; charset=utf-8',
        soapaction: `"urn:vim25/${apiVersion}"`,
        ...(cookie === undefined ? {} : { cookie }),
      },
      body: envelope(encodeCall(self, methodName, args, apiVersion)),
      timeoutMs: callTimeoutMs + (longPollMs ?? 0),
      mutating: !questions.has(methodName),
      longPoll: longPollMs !== undefined,
    });
    if (cookie === this.#cookie) this.#keepCookie(response);
    const result = decodeReturn(methodName, this.#answerIn(response, methodName));
    throwOnDeadSession(methodName, result);
    return result;
  }

  /**
   * The beginning of a file that the host serves over HTTP, as text. Faults: `hypervisorRefused` for a file that it
   * does not give, `unreachable`.
   */
  async readText(path: string, bytesMax: number): Promise<string> {
    return this.inSession(async () => {
      const { status, text } = await this.#wire.exchange({
        method: 'GET',
        path,
        headers: { range: `bytes=0-${bytesMax - 1}`, ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }) },
        timeoutMs: callTimeoutMs,
        mutating: false,
      });
      if (status === 401) throw new VimFault({ type: 'NotAuthenticated', message: path, detail: {} });
      if (status === 200 || status === 206) return text;
      throw new PartyFault('hypervisorRefused', { host: this.#host, reason: `HTTP ${status} for ${path}` }, 'none');
    });
  }

  /** Ends the session and closes the sockets. Never throws: an abandoned session ends by itself. */
  async close(): Promise<void> {
    const sessionManager = moRefAt(this.#content, 'sessionManager');
    if (this.#alive && sessionManager !== undefined) {
      await this.callOnce(sessionManager, 'Logout').catch(() => undefined);
    }
    this.#forgetSession();
    this.#wire.close();
  }

  async #ready(): Promise<void> {
    if (this.#refused) throw new PartyFault('badCredentials', { host: this.#host });
    if (this.#alive) return;
    this.#loggingIn ??= this.#open().finally(() => {
      this.#loggingIn = undefined;
    });
    await this.#loggingIn;
  }

  async #open(): Promise<void> {
    this.#apiVersion ??= await this.#negotiateVersion();
    const content = await this.callOnce(new MoRef('ServiceInstance', 'ServiceInstance'), 'RetrieveServiceContent');
    this.#content = content as VimData;
    const { user, password } = this.#credentials;
    try {
      await this.callOnce(
        moRefAt(this.#content, 'sessionManager') ?? new MoRef('SessionManager', 'ha-sessionmgr'),
        'Login',
        {
          userName: user,
          password,
        },
      );
    } catch (error) {
      if (!(error instanceof VimFault) || !error.is('InvalidLogin')) throw error;
      this.#refused = true;
      throw new PartyFault('badCredentials', { host: this.#host });
    }
    this.#session += 1;
    this.#alive = true;
  }

  /** The newest version that both the host and the table know; it decides what may be sent and what comes back. */
  async #negotiateVersion(): Promise<string> {
    const response = await this.#wire.exchange({
      method: 'GET',
      path: `${path}/vimServiceVersions.xml`,
      timeoutMs: callTimeoutMs,
      mutating: false,
    });
    const spoken = versionsIn(this.#parse(response));
    const newest = knownVersions.find((version) => spoken.some((theirs) => compareVersions(theirs, version) === 0));
    if (newest === undefined) {
      throw new PartyFault('hypervisorRefused', { host: this.#host, reason: 'no common API version' }, 'none');
    }
    return newest;
  }

  #answerIn(response: WireResponse, methodName: string): XmlElement {
    const body = childNamed(this.#parse(response, methodName), 'Body')?.children[0];
    if (body?.name === 'Fault') throw new VimFault(decodeFault(body));
    if (body === undefined) throw this.#noAnswer(`${methodName}: an empty envelope`, methodName);
    return body;
  }

  #parse(response: WireResponse, methodName?: string): XmlElement {
    try {
      return parseXml(response.text);
    } catch {
      throw this.#noAnswer(`HTTP ${response.status} without XML`, methodName);
    }
  }

  /** A gateway's page (502, 503) tells nothing about what happened behind it. */
  #noAnswer(reason: string, methodName?: string): PartyFault {
    const mutating = methodName !== undefined && !questions.has(methodName) && methodNamed(methodName) !== undefined;
    return mutating
      ? new PartyFault('effectUnknown', { host: this.#host })
      : new PartyFault('unreachable', { host: this.#host, reason });
  }

  /** The value goes back verbatim, quotes included: they belong to it. */
  #keepCookie(response: WireResponse): void {
    const session = response.headers['set-cookie']?.find((line) => line.startsWith('vmware_soap_session='));
    if (session !== undefined) this.#cookie = session.split(';')[0];
  }

  #diedUnder(error: VimFault, session: number): boolean {
    return error.is('NotAuthenticated') || (error.is('ManagedObjectNotFound') && this.#session !== session);
  }

  #forgetSession(): void {
    this.#alive = false;
    this.#cookie = undefined;
  }
}

function versionsIn(document: XmlElement): readonly string[] {
  const vim = document.children.find((space) => childNamed(space, 'name')?.text.trim() === 'urn:vim25');
  const prior = childNamed(vim, 'priorVersions')?.children ?? [];
  return [childNamed(vim, 'version'), ...prior].flatMap((version) =>
    version === undefined ? [] : [version.text.trim()],
  );
}

/**
 * Anyone may ask for properties, so a host answers a dead session with success and says `NotAuthenticated` about each
 * property: taken at its word, that reads as "there are no VMs".
 */
function throwOnDeadSession(methodName: string, result: VimValue | undefined): void {
  if (!methodName.endsWith('RetrievePropertiesEx')) return;
  for (const object of dataListAt(result, 'objects')) {
    for (const missing of dataListAt(object, 'missingSet')) {
      if (isA(textAt(missing, 'fault.fault.$type') ?? '', 'NotAuthenticated')) {
        throw vimFaultOf(missing['fault'] as VimData);
      }
    }
  }
}
