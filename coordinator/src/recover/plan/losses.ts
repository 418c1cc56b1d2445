/**
 * What could be lost when the cluster goes on from one survivor. Only what is certain is said, and a number only where it is one.
 *
 * How many entries the lost members went on to acknowledge without this one, nobody who is left can know: any count would be a
 * guess. What is known is a moment: a linearizable read through the survivor waits until it has applied all that was
 * acknowledged before the read began. So everything acknowledged before the last such read is in its data, and only
 * what came later can be missing. How far others were seen to be says the opposite: so much is missing at least.
 */

import type { NodeSeen } from './situation.js';
import { compareNumbers, type Survivor } from './survivors.js';

export interface Losses {
  /** Everything acknowledged before `before`, by this node's clock, is kept; or why no such moment is known. */
  readonly kept: { readonly before: string } | { readonly notKnown: string };
  /** Entries that a member was seen to have applied, and that this survivor does not have: at least so many are lost. */
  readonly missing:
    | { readonly entries: string; readonly memberId: string; readonly index: string; readonly by: string }
    | undefined;
  /** Entries at the end of its log of which it never heard that they were committed. They are not saved: "0", or a number. */
  readonly unconfirmed: string;
}

export function lossesOf(survivor: Survivor, nodes: readonly NodeSeen[]): Losses {
  return {
    kept: keptOf(survivor),
    missing: missingFrom(survivor, nodes),
    unconfirmed: String(positive(BigInt(survivor.lastIndex) - BigInt(survivor.committed))),
  };
}

function keptOf({ node, memberId, committed, report: { served } }: Survivor): Losses['kept'] {
  if (served === null) return { notKnown: `the agent of ${node} has never seen a read go through its etcd` };
  if (served.memberId !== memberId)
    return { notKnown: `what the agent of ${node} has seen was of its former member ${served.memberId}` };
  // Its disk, or what it had not written down when it was cut off, is of before that read.
  if (compareNumbers(committed, served.index) < 0)
    return {
      notKnown: `at ${served.at} it had everything up to entry ${served.index}, and now it knows of ${committed} only`,
    };
  return { before: served.at };
}

function missingFrom({ committed, members }: Survivor, nodes: readonly NodeSeen[]): Losses['missing'] {
  let most: Losses['missing'];
  for (const seen of nodes) {
    if (seen.kind !== 'reported') continue;
    for (const { memberId, index } of seen.report.remembered) {
      // Of another cluster, or one that was removed long ago.
      if (!members.some(({ id }) => id === memberId)) continue;
      const entries = BigInt(index) - BigInt(committed);
      if (entries <= 0n || (most !== undefined && BigInt(most.entries) >= entries)) continue;
      most = { entries: String(entries), memberId, index, by: seen.name };
    }
  }
  return most;
}

function positive(value: bigint): bigint {
  return value > 0n ? value : 0n;
}
