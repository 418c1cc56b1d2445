/**
 * A restore of a whole cluster is struck at each of its steps, and the undoing of one: an agent is killed, its host loses power, right
 * after every change of a file and every start and stop of etcd, half way through it, and before it; the coordinator ends as it sends a
 * call, as an answer comes, and as it has written down what it does. Run again it ends well, and nothing is lost.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../../support/thorough.js';
import { type Blow, type Operation, type OperationVerdict, runOperation } from './run-operation.js';
import { type Strike, strikesAt } from './strikes.js';

interface Struck extends Operation {
  /** Every how many-th blow is struck, where another run has the same steps and gets all blows. */
  readonly stride: number;
}

const operations: readonly Struck[] = [
  { kind: 'restore', version: '3.5.30', flavour: 'systemd', stride: 1 },
  { kind: 'restore', version: '3.3.25', flavour: 'process', stride: 12 },
  { kind: 'undo', version: '3.4.23', flavour: 'systemd', stride: 8 },
];
/** An agent is killed after each step. What loses power there, and what falls before a step, is much the same: every so many-th. */
const likeStride = 8;

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

describe('struck at any step, an operation is gone on with and ends well', () => {
  it.each(operations.map((each) => [`${each.kind}, etcd ${each.version}`, each] as const))(
    '%s',
    async (_, each) => {
      const undisturbed = await runOperation(each);
      expect(undisturbed.breaches).toEqual([]);
      const blows = blowsAt(undisturbed);
      const failed: string[] = [];
      for (const blow of sampled(blows, each.stride)) {
        const { breaches, log } = await runOperation(each, blow);
        const what =
          blow.victim === 'coordinator'
            ? undisturbed.commandSteps[blow.step]
            : undisturbed.steps[blow.act]?.what;
        if (breaches.length > 0)
          failed.push(
            `${JSON.stringify(blow)} (${what}):\n${breaches.map((breach) => JSON.stringify(breach)).join('\n')}\n${log.trimEnd().split('\n').slice(-logLinesMax).join('\n')}`,
          );
        if (failed.length === failuresMax) break;
      }
      expect(failed, failed.join('\n')).toEqual([]);
    },
  );
});

function blowsAt({ steps, commandSteps }: OperationVerdict): Blow[] {
  const strikes = strikesAt(steps).filter(({ victim }) => victim !== 'etcd');
  const isFirst = ({ victim, moment }: Strike) => victim === 'agent' && moment !== 'before';
  return [
    ...strikes.filter(isFirst),
    ...sampled(
      strikes.filter((strike) => !isFirst(strike)),
      likeStride,
    ),
    // All nodes are asked the same.
    ...commandSteps.flatMap((what, step) =>
      /etcd0$/.test(what) || what.startsWith('record') ? [{ victim: 'coordinator' as const, step }] : [],
    ),
  ];
}
