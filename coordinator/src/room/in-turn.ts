/**
 * Does something to members that takes each out of service for a while, one at a time: before each the cluster is looked at,
 * and must be able to do without it; the leader comes last and hands over before.
 */
import type { Clock } from '@etcd-agent/platform';
import type { AdminCredentials } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { Operation } from '../operation.js';
import { handOver } from './hand-over.js';
import { nextTurn, troubles } from './plan/one-at-a-time.js';
import type { RoomMember, RoomSight } from './plan/sight.js';

/** After its turn a member may take some seconds to be healthy again, and the next one waits for it. */
const settleMsMax = 60_000;
const againMs = 500;

export interface InTurn {
  readonly nodes: readonly string[];
  readonly operation: Pick<Operation, 'step'>;
  readonly look: () => Promise<RoomSight>;
  readonly credentials: AdminCredentials;
  readonly clock: Clock;
  /** What is done, such as "defragment". */
  readonly verb: string;
  readonly act: (member: RoomMember) => Promise<void>;
  /** What more must not be, looked at before each. */
  readonly more: (sight: RoomSight) => readonly string[];
  /** The command that goes on with the nodes that remain. */
  readonly resume: (remaining: readonly string[]) => string;
}

/** Throws Failure as soon as something is wrong: nothing more is taken out of service then. */
export async function inTurn(parts: InTurn): Promise<void> {
  const { operation, credentials, look, clock, verb, act } = parts;
  let remaining = [...parts.nodes];
  const done: string[] = [];
  while (remaining.length > 0) {
    const sight = await settled(parts, remaining, done.length > 0);
    const turn = nextTurn(sight, remaining, done);
    if (turn === undefined) return;
    const { member, handOverTo } = turn;
    if (handOverTo !== undefined) {
      const name = `hand the leadership of ${member.node} over to ${handOverTo.node}`;
      await operation.step(name, () => handOver({ from: member, to: handOverTo, credentials, look, clock }));
    }
    await operation.step(`${verb} ${member.node}`, () => act(member));
    done.push(member.node);
    remaining = remaining.filter((node) => node !== member.node);
  }
  // The last one is looked at too.
  await settled(parts, [], true);
}

/** The first look must be clean; later ones may come to be so. */
async function settled(parts: InTurn, remaining: readonly string[], mayWait: boolean): Promise<RoomSight> {
  const { look, clock, more } = parts;
  const until = clock.monotonicMs() + settleMsMax;
  for (;;) {
    const sight = await look();
    const reasons = [...troubles(sight), ...more(sight)];
    if (reasons.length === 0) return sight;
    if (!mayWait || clock.monotonicMs() >= until) throw notNow(parts, remaining, mayWait, reasons);
    await clock.sleep(againMs);
  }
}

function notNow(
  { verb, resume }: InTurn,
  remaining: readonly string[],
  hasBegun: boolean,
  where: readonly string[],
): Failure {
  const [head, next] =
    remaining.length === 0
      ? ['all of them had their turn, and the cluster is not well since', 'coordinator status']
      : [
          `${hasBegun ? 'stopped' : 'nothing was changed'}: the cluster cannot do without a member now; still to ${verb}: ${remaining.join(', ')}`,
          `coordinator status; when all is well: ${resume(remaining)}`,
        ];
  return new Failure({ exit: 'refused', what: head, where, next });
}
