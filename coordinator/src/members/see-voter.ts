/**
 * The cluster as it is once a healthy voter can be asked. While a leader is being elected no member answers a linearizable
 * read: a command that needs one looks again for a while before it gives up.
 */
import type { Clock } from '@etcd-agent/platform';
import type { ClusterView } from '../cluster/probe-members.js';
import type { NodePlace } from '../topology/places.js';
import { pickVoter } from './pick-voter.js';

/** Elections of members far from each other take some seconds; a quorum that is lost does not come back by itself. */
const seeMsMax = 10_000;
const againMs = 500;

export interface SeeVoterParts {
  readonly look: () => Promise<ClusterView>;
  readonly places: readonly NodePlace[];
  /** The node that is to be changed: its own member does not count. */
  readonly except: string;
  readonly note: (text: string) => void;
  readonly clock: Clock;
}

/** The last view; where it shows no healthy voter, the time is over, and the caller says what that means. */
export async function seeVoter({ look, places, except, note, clock }: SeeVoterParts): Promise<ClusterView> {
  const candidates = places.filter(({ name }) => name !== except).map((place) => ({ place }));
  const until = clock.monotonicMs() + seeMsMax;
  for (;;) {
    const seen = await look();
    const isOver = candidates.length === 0 || clock.monotonicMs() >= until;
    if (isOver || pickVoter(candidates, seen, except) !== undefined) return seen;
    note(`no voter answers a linearizable read yet; looking again for up to ${seeMsMax / 1_000} s`);
    await clock.sleep(againMs);
  }
}
