import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';
import { VimFault } from './vimFault.ts';

export const sessionLimits = { idleMs: 30 * 60_000, wrongPasswordsMost: 5, lockedMs: 900_000 } as const;

export type Session = {
  readonly key: string;
  readonly userName: string;
  readonly loggedInAtMs: number;
  lastActiveAtMs: number;
  callCount: number;
};

export type Credentials = { readonly user: string; readonly password: string };

/** Who is logged in. Five wrong passwords lock the account for 15 minutes, for the right password too. */
export class SessionBook {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #credentials: Credentials;
  readonly #sessions = new Map<string, Session>();
  #attempts = 0;
  #wrongPasswords = 0;
  #lockedUntilMs = 0;

  constructor(parts: { readonly clock: Clock; readonly random: Random; readonly credentials: Credentials }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#credentials = parts.credentials;
  }

  /** Faults: `InvalidLogin`, also while locked. */
  login(user: string, password: string): Session {
    this.#attempts += 1;
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#lockedUntilMs) throw new VimFault('InvalidLogin');
    if (user !== this.#credentials.user || password !== this.#credentials.password) {
      this.#wrongPasswords += 1;
      if (this.#wrongPasswords >= sessionLimits.wrongPasswordsMost) {
        this.#wrongPasswords = 0;
        this.#lockedUntilMs = nowMs + sessionLimits.lockedMs;
      }
      throw new VimFault('InvalidLogin');
    }
    this.#wrongPasswords = 0;
    const key = this.#random.uuid();
    const session: Session = { key, userName: user, loggedInAtMs: nowMs, lastActiveAtMs: nowMs, callCount: 0 };
    this.#sessions.set(key, session);
    return session;
  }

  /** The live session of a key; using it keeps it alive. Undefined once it has expired. */
  use(key: string | undefined): Session | undefined {
    const session = key === undefined ? undefined : this.#sessions.get(key);
    if (session === undefined) return undefined;
    const nowMs = this.#clock.nowMs();
    if (nowMs - session.lastActiveAtMs > sessionLimits.idleMs) {
      this.#sessions.delete(session.key);
      return undefined;
    }
    session.lastActiveAtMs = nowMs;
    session.callCount += 1;
    return session;
  }

  /** Keeps a session alive at the end of a long call. */
  touch(key: string | undefined): void {
    const session = key === undefined ? undefined : this.#sessions.get(key);
    if (session !== undefined) session.lastActiveAtMs = this.#clock.nowMs();
  }

  has(key: string): boolean {
    return this.#sessions.has(key);
  }

  logout(key: string): void {
    this.#sessions.delete(key);
  }

  /** Ends every session, as a restart of the host's agent does. */
  expireAll(): void {
    this.#sessions.clear();
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Logins that were tried, granted or not. */
  get attempts(): number {
    return this.#attempts;
  }

  get locked(): boolean {
    return this.#clock.nowMs() < this.#lockedUntilMs;
  }
}
