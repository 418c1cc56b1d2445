/** The agent of a node that was just installed, seen from here: linked to, and enrolled on the way where a token is out. */
import { DialError, systemClock } from '@etcd-agent/platform';
import type { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import { type ReachOptions, reachNode } from '../link/reach-node.js';
import type { NodePlace } from '../topology/places.js';

/** A service that was started has not opened its door yet; the first start on a slow disk takes seconds. */
const answerMsMax = 30_000;
const pauseMs = 500;

export type Answer =
  | { readonly kind: 'answered'; readonly version: string }
  /** Nothing listens there, or nothing comes through. */
  | { readonly kind: 'silent'; readonly failure: Failure; readonly refused: boolean }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Asks until it answers, or the answer is a no, or the time is over. */
export async function waitForAnswer(
  place: NodePlace,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const deadline = performance.now() + answerMsMax;
  for (;;) {
    try {
      const link = await reachNode(place, options);
      link.close();
      return { kind: 'answered', version: link.hello.version };
    } catch (error) {
      const failure = nodeFailure(place, error);
      const silent = error instanceof DialError && ['connect', 'timeout'].includes(error.stage);
      if (!silent) return { kind: 'failed', failure };
      if (performance.now() > deadline || signal.aborted)
        return { kind: 'silent', failure, refused: error.code === 'ECONNREFUSED' };
    }
    await systemClock.sleep(pauseMs);
  }
}
