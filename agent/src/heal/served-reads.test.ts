import type { MemberStatus } from '@etcd-agent/etcd';
import { describe, expect, it } from 'vitest';
import type { EndpointSight } from './look.js';
import { ServedReads } from './served-reads.js';

const memberId = '8e9e05c52164694d';

/** How this node's etcd shows in a look: at this place, and whether a linearizable read went through it. */
function own(index: number | undefined, reads: boolean): EndpointSight {
  const status = index === undefined ? undefined : { memberId, raftAppliedIndex: String(index) };
  return {
    node: 'etcd0',
    admin: undefined,
    status: status as MemberStatus | undefined,
    list: reads ? [] : undefined,
    local: undefined,
    why: '',
  };
}

/** A look that took 100 ms. */
const from = (ms: number) => ({ at: new Date(ms), fromMs: ms, untilMs: ms + 100 });
const at = (ms: number) => new Date(ms).toISOString();

describe('what a linearizable read has shown to be in this data', () => {
  it('is told with when that read began and a place that was told after it, once the same process was seen again', () => {
    const served = new ServedReads(undefined);
    served.see(own(5, true), 7, from(1_000));
    served.see(own(9, true), 7, from(2_000));
    expect(served.last()).toBeUndefined();
    served.see(own(12, false), 7, from(3_000));
    expect(served.last()).toEqual({ memberId, at: at(1_000), index: '9' });
    // No quorum any more: the last read that went through is what counts.
    served.see(own(12, false), 7, from(4_000));
    expect(served.last()).toEqual({ memberId, at: at(2_000), index: '12' });
    served.see(own(12, false), 7, from(90_000));
    expect(served.last()?.at).toBe(at(2_000));
  });

  it('is not said of a process that was started anew, which may have forgotten how far it had come', () => {
    const served = new ServedReads(undefined);
    served.see(own(5, true), 7, from(1_000));
    served.see(own(3, false), 8, from(2_000));
    served.see(own(3, false), 8, from(3_000));
    served.see(own(3, false), 8, from(4_000));
    expect(served.last()).toBeUndefined();
  });

  it('is not said where the process ended before its place was seen to be its own', () => {
    const served = new ServedReads(undefined);
    served.see(own(5, true), 7, from(1_000));
    served.see(own(3, false), 7, from(2_000));
    served.see(own(3, false), 8, from(3_000));
    expect(served.last()).toBeUndefined();
  });

  it('is not told by a look that began before the read had ended', () => {
    const served = new ServedReads(undefined);
    served.see(own(9, true), 7, from(1_000));
    served.see(own(8, false), 7, from(1_050));
    served.see(own(8, false), 7, from(1_060));
    served.see(own(8, false), 7, from(1_090));
    expect(served.last()).toBeUndefined();
  });

  it('of before the agent was started holds until there is something newer', () => {
    const known = { memberId, at: at(1), index: '4' };
    const served = new ServedReads(known);
    served.see(own(undefined, false), undefined, from(1_000));
    expect(served.last()).toBe(known);
  });
});
