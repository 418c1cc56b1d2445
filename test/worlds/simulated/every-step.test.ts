/**
 * A repair is struck at each of its steps: the agent is killed, the host loses power, etcd is killed, right after every act,
 * half way through it, and before it. Whenever that is, the node is repaired in the end, and nothing is lost meanwhile.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../../support/thorough.js';
import { type Repair, runRepair } from './run-repair.js';
import type { ClusterOptions } from './sim-cluster.js';
import { type Strike, strikesAt } from './strikes.js';

interface Struck extends Repair {
  readonly name: string;
  /** Every how many-th blow is struck, where another repair has much the same steps and gets all blows. */
  readonly stride: number;
}

const wipedFollower = (version: string, stride: number): Struck => ({
  name: `a wiped follower, etcd ${version}`,
  version,
  flavour: 'process',
  loss: { kind: 'wipe', on: 'follower', etcd: 'killed' },
  stride,
});
const wipedLeader = (version: string, stride: number): Struck => ({
  name: `a leader that is wiped while it runs, etcd ${version}`,
  version,
  flavour: 'systemd',
  loss: { kind: 'wipe', on: 'leader', etcd: 'running' },
  stride,
});
const repairs: readonly Struck[] = [
  wipedFollower('3.5.30', 1),
  wipedFollower('3.3.25', 6),
  wipedFollower('3.4.23', 6),
  wipedLeader('3.3.25', 1),
  wipedLeader('3.5.30', 6),
  wipedLeader('3.4.23', 6),
  {
    name: 'a follower with a damaged WAL, etcd 3.4.23',
    version: '3.4.23',
    flavour: 'systemd',
    loss: { kind: 'corruptWal', on: 'follower' },
    stride: 6,
  },
];

/** A bug that shows only where a repair is interrupted: an entry that is not in the journal yet is not seen. */
const entryForgotten: ClusterOptions['parts'] = (core) => ({
  plan: (picture) => {
    const { cluster, journal, me } = picture;
    if (cluster.kind === 'unknown' || journal === undefined || journal.newId !== undefined)
      return core.planHeal(picture);
    const members = cluster.members.filter(({ node, started }) => started || node !== me.node);
    return core.planHeal({ ...picture, cluster: { ...cluster, members } });
  },
});

/** Of the log of a failure. */
const logLinesMax = 80;
/** One that fails is enough to look into, and a second to compare it with. */
const failuresMax = 2;

const { stackTraceLimit } = Error;
beforeAll(() => {
  // Code under test makes and drops thousands of errors.
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

describe('a repair ends well, whatever is struck and whenever', () => {
  it.each(repairs.map((repair) => [repair.name, repair] as const))('%s', async (_, repair) => {
    const failed = await failuresOf(repair, repair.stride);
    expect(failed, failed.join('\n')).toEqual([]);
  });

  it('and a bug that only an interruption shows is found', async () => {
    const [found] = await failuresOf(repairs[0]!, 1, entryForgotten);
    expect(found).toMatch(/^agent struck after .*\n.*not healed within/);
  });
});

async function failuresOf(
  repair: Repair,
  stride: number,
  parts?: ClusterOptions['parts'],
): Promise<string[]> {
  const undisturbed = await runRepair(repair, undefined, parts);
  expect(undisturbed.breaches).toEqual([]);
  const strikes = sampled(strikesAt(undisturbed.steps), stride);
  const failed: string[] = [];
  for (const strike of strikes) {
    const { breaches, steps, log } = await runRepair(repair, strike, parts);
    const { what } = undisturbed.steps[strike.act]!;
    expect(steps[strike.act]?.what, 'a run is not like the one before').toBe(what);
    if (breaches.length > 0) failed.push(told(strike, what, breaches, log));
    if (failed.length === failuresMax) break;
  }
  return failed;
}

function told({ victim, moment, act }: Strike, what: string, breaches: readonly object[], log: string) {
  const end = log.trimEnd().split('\n').slice(-logLinesMax).join('\n');
  return `${victim} struck ${moment} act ${act} (${what}):\n${breaches.map((each) => JSON.stringify(each)).join('\n')}\n${end}`;
}
