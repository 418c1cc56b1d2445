/** Has an agent restart its etcd onto the settings that it was told last, and waits until that etcd runs with them. */
import type { Clock } from '@etcd-agent/platform';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { operatorName } from '../operator.js';
import type { RoomMember, RoomSight } from './plan/sight.js';

/** It stops and starts an etcd, and compares its disk with what other agents remember. */
const restartMsMax = 90_000;
/** What is in its log is read back at its start. */
const readyMsMax = 120_000;
const againMs = 500;

export interface RestartOne {
  readonly link: NodeLink;
  readonly member: RoomMember;
  readonly generation: number;
  readonly look: () => Promise<RoomSight>;
  readonly clock: Clock;
  /** The quota that tells that it is the new one. */
  readonly runsWith: number;
}

export async function restartOne({
  link,
  member,
  generation,
  look,
  clock,
  runsWith,
}: RestartOne): Promise<void> {
  const { guards, restarted } = await link
    .call('etcd.restart', { generation, by: operatorName() }, restartMsMax)
    .catch((error: unknown) => {
      throw nodeFailure(link.place, error);
    });
  const against = guards.filter(({ ok }) => !ok).map(({ guard, reason }) => `${guard}: ${reason}`);
  if (!restarted)
    throw new Failure({
      exit: 'refused',
      what: `the agent of ${member.node} does not restart its etcd now`,
      where: against,
      next: `coordinator explain ${member.node}; then the same command again: it goes on with the rest`,
    });
  const until = clock.monotonicMs() + readyMsMax;
  for (;;) {
    const now = (await look()).members.find(({ node }) => node === member.node);
    if (now?.healthy === true && now.quotaBytes === runsWith) return;
    if (clock.monotonicMs() >= until)
      throw new Failure({
        exit: 'degraded',
        what: `${member.node} was restarted and is not well with a quota of ${runsWith} bytes after ${readyMsMax / 1_000} s`,
        where: [now?.why || `it runs with a quota of ${now?.quotaBytes ?? 'nobody knows how many'} bytes`],
        next: `coordinator explain ${member.node}`,
      });
    await clock.sleep(againMs);
  }
}
