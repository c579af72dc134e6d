import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const sessionsMax = 4;
/** As real devices do: after this many wrong passwords in a row even the right one is refused. */
const wrongMax = 5;

/** Who may talk to a BMC: few sessions, and an account that locks itself. */
export class BmcSessions {
  readonly #user: string;
  readonly #password: string;
  readonly #tokens = new Map<string, string>();
  #made = 0;
  #wrong = 0;
  /** How often a password was sent. */
  attempts = 0;

  constructor({ user, password }: { readonly user: string; readonly password: string }) {
    this.#user = user;
    this.#password = password;
  }

  get open(): number {
    return this.#tokens.size;
  }

  get locked(): boolean {
    return this.#wrong >= wrongMax;
  }

  logIn(body: unknown): { readonly id: string; readonly token: string } | 'wrong' | 'full' {
    const given = typeof body === 'object' && body !== null ? body : {};
    const text = (value: unknown): string => (typeof value === 'string' ? value : '');
    const user = text('UserName' in given ? given.UserName : '');
    const password = text('Password' in given ? given.Password : '');
    if (!this.#isRight(user, password)) return 'wrong';
    if (this.#tokens.size >= sessionsMax) return 'full';
    this.#made += 1;
    const made = { id: String(this.#made), token: randomBytes(16).toString('hex') };
    this.#tokens.set(made.id, made.token);
    return made;
  }

  /** By the token of a session or by basic authentication. */
  admits({ 'x-auth-token': token, authorization }: IncomingHttpHeaders): boolean {
    if (typeof token === 'string') return [...this.#tokens.values()].some((known) => same(known, token));
    const encoded = /^Basic (\S+)$/.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return false;
    const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
    return this.#isRight(user, password);
  }

  end(id: string): boolean {
    return this.#tokens.delete(id);
  }

  /** All sessions die, as when a BMC restarts. */
  forget(): void {
    this.#tokens.clear();
  }

  #isRight(user: string, password: string): boolean {
    this.attempts += 1;
    const right = same(user, this.#user) && same(password, this.#password) && !this.locked;
    this.#wrong = right ? 0 : this.#wrong + 1;
    return right;
  }
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
