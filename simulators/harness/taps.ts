import { Session } from '#engine/protocol/session.ts';
import type { Handlers } from '#engine/protocol/session.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import type { LeaseAnswer } from '#machines/masterGuard/leaseVoter.ts';
import { SimulatedFiles } from '#simulators/files/SimulatedFiles.ts';
import type { Voter } from '#simulators/checkers/observation.ts';
import type { SiteEars } from './site.ts';

type Timed = { readonly ears: SiteEars; readonly nowMs: () => number };

/** Requests that arrive at a node, as the nemesis waits for them. */
export function tapHandlers(handlers: Handlers, to: string, { ears, nowMs }: Timed): Handlers {
  const tapped = Object.entries(handlers).map(([name, handle]) => [
    name,
    (...call: never[]) => {
      ears.observe({ t: nowMs(), kind: 'message', name, to });
      return (handle as (...call: never[]) => unknown)(...call);
    },
  ]);
  return Object.fromEntries(tapped) as Handlers;
}

/**
 * What a voter grants and promises, at the moment its answer is made. `automatic`: whether nobody commanded the claim that
 * is being made.
 */
export function tapVoter(voter: LeaseVoter, who: Voter, { ears, nowMs }: Timed, automatic: () => boolean): LeaseVoter {
  const [renew, claim, release] = [voter.renew.bind(voter), voter.claim.bind(voter), voter.release.bind(voter)];
  voter.renew = async (renewal): Promise<LeaseAnswer> => {
    const answer = await renew(renewal);
    if (answer.granted) ears.observe({ t: nowMs(), kind: 'grant', voter: who, epoch: renewal.epoch });
    return answer;
  };
  voter.claim = async (asked, intent) => {
    const promised = await claim(asked, intent);
    ears.observe({ t: nowMs(), kind: 'claim', voter: who, epoch: intent.epoch, automatic: automatic() });
    ears.observe({ t: nowMs(), kind: 'durableEpoch', node: `${who}'s voter`, epoch: intent.epoch });
    return promised;
  };
  voter.release = async (intent) => {
    // Told before: from its first line on the voter grants again.
    ears.observe({ t: nowMs(), kind: 'release', voter: who, epoch: intent.epoch });
    await release(intent);
  };
  return voter;
}

type Tap = { readonly site: Timed; readonly automatic: () => boolean };

/** The site that is tapped now: one run at a time in a process. */
let tapped: Tap | undefined;
let watched: Timed | undefined;

/**
 * Hears every voter of the next site, wherever the product makes it: who it is, is told by where its memory lies. The
 * product offers no place to listen, and needs none.
 */
export function tapLeaseVoters(site: Timed, automatic: () => boolean): void {
  const first = tapped === undefined;
  tapped = { site, automatic };
  if (!first) return;
  const { start } = LeaseVoter.prototype;
  const { read } = SimulatedFiles.prototype;
  LeaseVoter.prototype.start = function (this: LeaseVoter): Promise<void> {
    let memory = '';
    SimulatedFiles.prototype.read = function (this: SimulatedFiles, path: string) {
      memory = path;
      return read.call(this, path);
    };
    const started = start.call(this);
    SimulatedFiles.prototype.read = read;
    if (tapped) tapVoter(this, memory.startsWith('/witness') ? 'witness' : 'appliance', tapped.site, tapped.automatic);
    return started;
  };
}

/** Hears every request of the next site as it leaves. */
export function tapRequests(site: Timed): void {
  const first = watched === undefined;
  watched = site;
  if (!first) return;
  const request = Session.prototype.request as (this: Session, ...call: unknown[]) => Promise<unknown>;
  const tap = function (this: Session, ...call: unknown[]): Promise<unknown> {
    watched?.ears.observe({ t: watched.nowMs(), kind: 'message', name: String(call[0]), to: this.peer });
    return request.apply(this, call);
  };
  Session.prototype.request = tap as typeof Session.prototype.request;
}
