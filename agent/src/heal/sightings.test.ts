import type { MemberId, MemberStatus } from '@etcd-agent/etcd';
import { describe, expect, it } from 'vitest';
import type { Look } from './look.js';
import { Sightings } from './sightings.js';

const memberId = '8e9e05c52164694d' as MemberId;

/** A look in which the one member is at this place, and a read goes through it or not, or it does not answer. */
function look(index?: number, { reads = true } = {}): Look {
  const status =
    index === undefined ? undefined : { memberId, raftTerm: '2', raftAppliedIndex: String(index) };
  return {
    light: false,
    endpoints: [
      {
        node: 'etcd0',
        admin: undefined,
        status: status as MemberStatus | undefined,
        list: status !== undefined && reads ? [] : undefined,
        local: undefined,
        why: '',
      },
    ],
    peers: [],
  };
}

/** It took no time. */
function see(sightings: Sightings, seen: Look, nowMs: number): void {
  sightings.see(seen, nowMs, nowMs);
}

describe('places in the log', () => {
  it('are remembered once a read went through the member after it was there, not before', () => {
    const sightings = new Sightings([]);
    see(sightings, look(5), 0);
    expect(sightings.positions()).toEqual([]);
    see(sightings, look(9, { reads: false }), 60_000);
    expect(sightings.positions()).toEqual([]);
    see(sightings, look(10), 61_000);
    expect(sightings.positions()).toEqual([{ memberId, term: '2', index: '9' }]);
  });

  it('that the member has lost since are not', () => {
    const sightings = new Sightings([]);
    see(sightings, look(9), 0);
    see(sightings, look(8), 2_000);
    expect(sightings.positions()).toEqual([]);
  });

  it('of a member that is silent are not: its disk may never have had them', () => {
    const sightings = new Sightings([]);
    see(sightings, look(5), 0);
    see(sightings, look(), 60_000);
    expect(sightings.positions()).toEqual([]);
  });

  it('are all remembered that it had before it was silent, when it is back', () => {
    const sightings = new Sightings([]);
    see(sightings, look(5), 0);
    see(sightings, look(7, { reads: false }), 2_000);
    see(sightings, look(), 6_000);
    see(sightings, look(20), 60_000);
    expect(sightings.positions()).toEqual([{ memberId, term: '2', index: '7' }]);
  });

  it('never go back, whatever is seen later', () => {
    const sightings = new Sightings([{ memberId, term: '2', index: '50' }]);
    see(sightings, look(5), 0);
    see(sightings, look(6), 20_000);
    expect(sightings.positions()).toEqual([{ memberId, term: '2', index: '50' }]);
  });

  it('are not, by a read that had begun before: looks overlap', () => {
    const sightings = new Sightings([]);
    see(sightings, look(5), 1_000);
    sightings.see(look(5), 2_000, 900);
    expect(sightings.positions()).toEqual([]);
    sightings.see(look(5), 3_000, 1_000);
    expect(sightings.positions()).toEqual([{ memberId, term: '2', index: '5' }]);
  });
});
