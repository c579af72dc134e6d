import { compareVersions, methodNamed } from '#engine/protocol/vim25/schema.ts';
import type { VimMethod } from '#engine/protocol/vim25/schema.ts';
import type { Session } from '../model/sessionBook.ts';
import { VimFault } from '../model/vimFault.ts';
import { SessionState } from './call.ts';
import type { Call, MethodCode } from './call.ts';
import { decodeCall } from './decode.ts';
import { encodeFault, encodeResponse } from './encode.ts';
import type { Ground } from './ground.ts';
import { apiVersions } from './hostIdentity.ts';
import type { SimulatedHost } from './hostIdentity.ts';
import { isManagedA } from './managedObjects.ts';
import { sessionMethods } from './sessionMethods.ts';
import { storageMethods } from './storageMethods.ts';
import { vmMethods } from './vmMethods.ts';
import type { WireValue } from './wireValue.ts';
import { namespaces, parseXml } from './xml.ts';
import type { XmlElement } from './xml.ts';

const codes: Readonly<Record<string, MethodCode>> = { ...sessionMethods, ...storageMethods, ...vmMethods };
const firstWithPages = '4.1';

/**
 * What a test lets happen to the n-th call (from 1) of a method: a fault before any effect, or an answer lost on the
 * way: before the host has done anything, or after it has done it.
 */
export type CallOutcome = 'answer' | 'loseRequest' | 'loseAnswer' | VimFault;
export type CallHook = (method: string, nth: number) => CallOutcome;

export type SoapRequest = {
  readonly body: string;
  readonly soapAction: string | undefined;
  readonly sessionKey: string | undefined;
};
export type SoapAnswer =
  | { readonly lost: true }
  | {
      readonly lost: false;
      readonly status: number;
      readonly body: string;
      /** A key to set as cookie; null to take it away. */
      readonly cookie: string | null | undefined;
    };

/** From an envelope to an envelope: parse, check, authorise, run, encode. */
export class SoapDispatch {
  readonly #host: SimulatedHost;
  readonly #ground: Ground;
  readonly #hook: CallHook | undefined;
  readonly #states = new Map<string, SessionState>();
  readonly #calls = new Map<string, number>();

  constructor(parts: { readonly host: SimulatedHost; readonly ground: Ground; readonly hook: CallHook | undefined }) {
    this.#host = parts.host;
    this.#ground = parts.ground;
    this.#hook = parts.hook;
  }

  async answer(request: SoapRequest): Promise<SoapAnswer> {
    const version = announcedVersion(request.soapAction);
    let cookie: string | null | undefined;
    const setSession = (session: Session | undefined): void => {
      cookie = session?.key ?? null;
    };
    try {
      if (!apiVersions.some((one) => one === version)) {
        const message = `Unsupported version URI "urn:vim25/${version}"`;
        const body = encodeFault(
          { version: '6.7.1' },
          new VimFault('InvalidRequest', {}, message),
          'VersionMismatchFaultCode',
        );
        return { lost: false, status: 500, body, cookie };
      }
      const element = bodyElement(request.body);
      const method = methodOf(element, version);
      const outcome = this.#outcomeOf(method.method);
      if (outcome === 'loseRequest') return { lost: true };
      if (outcome instanceof VimFault) throw outcome;
      const value = await this.#run(method, element, version, request.sessionKey, setSession);
      if (outcome === 'loseAnswer') return { lost: true };
      return { lost: false, status: 200, body: encodeResponse({ version }, method, value), cookie };
    } catch (thrown) {
      return { lost: false, status: 500, body: faultBody(thrown, version), cookie };
    }
  }

  #outcomeOf(method: string): CallOutcome {
    const nth = (this.#calls.get(method) ?? 0) + 1;
    this.#calls.set(method, nth);
    return this.#hook?.(method, nth) ?? 'answer';
  }

  async #run(
    method: VimMethod,
    element: XmlElement,
    version: string,
    sessionKey: string | undefined,
    setSession: Call['setSession'],
  ): Promise<WireValue | undefined> {
    const { model } = this.#host;
    const { self, params } = decodeCall({ version }, method, element);
    const session = model.sessions.use(sessionKey);
    if (session === undefined && method.privilege !== 'System.Anonymous') {
      const details = { object: { type: self.type, id: self.id }, privilegeId: method.privilege };
      throw new VimFault('NotAuthenticated', details, 'The session is not authenticated.');
    }
    const code = codes[method.method];
    if (code === undefined) throw new VimFault('NotImplemented', {}, `${method.method} is not simulated`);
    if (self.type === 'VirtualMachine') model.vm(self.id);
    const state = this.#stateOf(session);
    const reader = { host: this.#host, objects: state, session };
    const call = { host: this.#host, model, ground: this.#ground, self, params, method: method.method };
    try {
      return await code({ ...call, session, state, reader, setSession });
    } finally {
      model.sessions.touch(sessionKey);
    }
  }

  #stateOf(session: Session | undefined): SessionState {
    for (const key of this.#states.keys()) {
      if (!this.#host.model.sessions.has(key)) this.#states.delete(key);
    }
    if (session === undefined) return new SessionState();
    const state = this.#states.get(session.key) ?? new SessionState();
    this.#states.set(session.key, state);
    return state;
  }
}

function announcedVersion(soapAction: string | undefined): string {
  // Without the header a host falls back to its oldest schema.
  return /urn:vim25\/([\w.]+)/.exec(soapAction ?? '')?.[1] ?? '2.5';
}

class MalformedRequest extends Error {}

function bodyElement(text: string): XmlElement {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (thrown) {
    throw new MalformedRequest(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const body = root.children.find((one) => one.local === 'Body' && one.uri === namespaces.soap);
  const element = body?.children[0];
  if (root.local !== 'Envelope' || root.uri !== namespaces.soap || element === undefined) {
    throw new MalformedRequest('no SOAP body');
  }
  return element;
}

function methodOf(element: XmlElement, version: string): VimMethod {
  const method = methodNamed(element.local);
  const paged = /^(RetrieveProperties|WaitForUpdates)Ex$/.test(element.local);
  const tooNew = method !== undefined && compareVersions(paged ? firstWithPages : method.since, version) > 0;
  if (method === undefined || tooNew || element.uri !== namespaces.vim) {
    const message = `Unable to resolve WSDL method name ${element.local} for namespace name ${element.uri}`;
    throw new VimFault('InvalidRequest', {}, message);
  }
  const self = element.children[0];
  const type = self?.attributes.find((one) => one.local === 'type')?.value;
  if (self?.local === '_this' && type !== undefined && !isManagedA(type, method.object)) {
    const message = `${method.method} is not a method of ${type}`;
    throw new VimFault('InvalidRequest', {}, message);
  }
  return method;
}

function faultBody(thrown: unknown, version: string): string {
  const encoder = { version: apiVersions.some((one) => one === version) ? version : '6.7.1' };
  if (thrown instanceof MalformedRequest) {
    return encodeFault(encoder, new VimFault('InvalidRequest', {}, thrown.message), 'ClientFaultCode');
  }
  const fault =
    thrown instanceof VimFault ? thrown : new VimFault('SystemError', { reason: String(thrown) }, String(thrown));
  try {
    return encodeFault(encoder, fault);
  } catch (mistake) {
    return encodeFault(encoder, new VimFault('SystemError', { reason: String(mistake) }, String(mistake)));
  }
}
