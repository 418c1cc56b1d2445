/**
 * Taking members out of service one at a time, to defragment or restart them: whether the cluster can do without one now, and
 * whose turn it is. The leader comes last, and hands its leadership over before. Pure.
 */
import type { RoomMember, RoomSight } from './sight.js';

/** Entries that a member may be behind the others: more, and it is still catching up. */
const lagMax = 5_000n;

/** Why nobody may be taken out of service now, a reason each; none: one may be. */
export function troubles({ members, listed, alarms }: RoomSight): string[] {
  const unknown = listed.filter(
    ({ id, started }) => started && !members.some(({ memberId }) => memberId === id),
  );
  return [
    ...members.filter(({ healthy }) => !healthy).map(({ node, why }) => `${node} is not healthy: ${why}`),
    ...listed
      .filter(({ started }) => !started)
      .map(({ id, peerURLs }) => `member ${id} (${peerURLs.join(', ')}) has not started`),
    ...listed
      .filter(({ role }) => role === 'learner')
      .map(({ id, name }) => `${name || id} is joining: it is a learner`),
    ...unknown.map(
      ({ id, name }) => `member ${id} (${name}) is in the list, and no node of the topology has it`,
    ),
    ...(alarms.some(({ type }) => type === 'CORRUPT')
      ? ['a CORRUPT alarm is armed: members may hold different data']
      : []),
    ...(members.some(({ leads }) => leads === true) ? [] : ['no member leads']),
    ...lagging(members),
  ];
}

export interface Turn {
  readonly member: RoomMember;
  /** Who leads from then on; undefined: it does not lead, or there is nobody else. */
  readonly handOverTo: RoomMember | undefined;
}

/** Whose turn it is among the nodes that remain; undefined: nobody remains. `done` are rather given the leadership. */
export function nextTurn(
  { members, listed }: Pick<RoomSight, 'members' | 'listed'>,
  remaining: readonly string[],
  done: readonly string[],
): Turn | undefined {
  const waiting = members.filter(({ node }) => remaining.includes(node));
  const member = waiting.find(({ leads }) => leads !== true) ?? waiting[0];
  if (member === undefined) return undefined;
  if (member.leads !== true) return { member, handOverTo: undefined };
  const isVoter = ({ memberId }: RoomMember) =>
    listed.some(({ id, role }) => id === memberId && role === 'voter');
  const heirs = members.filter((each) => each !== member && each.healthy && isVoter(each));
  return { member, handOverTo: heirs.find(({ node }) => done.includes(node)) ?? heirs[0] };
}

/** Servers older than 3.4 do not tell how far they are. */
function lagging(members: readonly RoomMember[]): string[] {
  const placed = members.flatMap(({ node, appliedIndex = '0' }) =>
    appliedIndex === '0' ? [] : [{ node, applied: BigInt(appliedIndex) }],
  );
  let newest = 0n;
  for (const { applied } of placed) if (applied > newest) newest = applied;
  return placed
    .filter(({ applied }) => newest - applied > lagMax)
    .map(({ node, applied }) => `${node} is ${newest - applied} entries behind the others`);
}
