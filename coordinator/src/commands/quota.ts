/** `coordinator quota` and `quota set SIZE`: how full every member's database is, and another limit for a running cluster. */
import { systemClock } from '@etcd-agent/platform';
import { withAgents } from '../cluster/ask-agents.js';
import { Failure } from '../failure.js';
import { publish } from '../generation/publish.js';
import { recorded } from '../operation.js';
import { roomNotes, roomRows, roomTable, size } from '../output/room.js';
import type { View } from '../output/view.js';
import { inTurn } from '../room/in-turn.js';
import { healthyMember, openRoom, type Room } from '../room/open-room.js';
import { fullRatio } from '../room/plan/disarm-rules.js';
import { troubles } from '../room/plan/one-at-a-time.js';
import type { RoomSight } from '../room/plan/sight.js';
import { restartOne } from '../room/restart-one.js';
import { withQuota } from '../topology/with-quota.js';
import { ask, type CommandContext } from './context.js';

/** etcd's own warning at its start says so. */
const advisedBytesMax = 8 * 1024 ** 3;
const quotaBytesMin = 16 * 1024 * 1024;
const quotaBytesMax = 16 * 1024 ** 3;

export async function quota({ stateDir }: CommandContext): Promise<View> {
  const { cluster, look } = await openRoom(stateDir);
  const seen = await look();
  const configured = cluster.topology.etcd.quotaBackendBytes;
  const waits = configured === undefined ? [] : waitingFor(seen, configured);
  return {
    document: {
      kind: 'Quota',
      configuredBytes: configured ?? null,
      members: roomRows(seen.members),
      alarms: seen.alarms,
    },
    table: roomTable(seen.members),
    exit: seen.alarms.length > 0 || seen.members.some(({ answers }) => !answers) ? 'degraded' : 'ok',
    notes: [
      ...roomNotes(seen),
      ...(waits.length === 0
        ? []
        : [
            `${waits.join(', ')} ${waits.length === 1 ? 'runs' : 'run'} with another quota than the configured ${size(configured)}: coordinator quota set ${configured}`,
          ]),
    ],
  };
}

export interface QuotaFlags {
  readonly bytes: number;
  readonly yes: boolean;
}

/** A newer generation for every agent, then a restart of every member that does not run with it yet, one at a time. */
export async function quotaSet(context: CommandContext, { bytes, yes }: QuotaFlags): Promise<View> {
  const room = await openRoom(context.stateDir);
  const { cluster, look } = room;
  const before = await look();
  healthyMember(before);
  refuse(before, bytes);
  const waits = waitingFor(before, bytes);
  const question = `Give every member of ${cluster.topology.name} a quota of ${size(bytes)}, and restart ${waits.join(', ') || 'none'}, one at a time?`;
  if (!yes && !(await ask(question, `coordinator quota set ${bytes} --yes`)))
    throw new Failure({
      exit: 'failed',
      what: 'nothing was changed',
      next: `coordinator quota set ${bytes}`,
    });
  const lock = await cluster.state.lock('coordinator quota set');
  try {
    await recorded(
      cluster.state,
      {
        action: 'quota set',
        nodes: waits,
        plan: [
          `a quota of ${bytes} bytes in the topology and in a newer generation`,
          'restart one member at a time, the leader last',
        ],
        before: {
          configuredBytes: cluster.topology.etcd.quotaBackendBytes ?? null,
          members: roomRows(before.members),
        },
        resume: `coordinator quota set ${bytes}`,
      },
      (operation) => carryOut(context, room, { bytes, waits, step: operation.step }),
    );
  } finally {
    await lock.release();
  }
  const after = await look();
  return {
    document: {
      kind: 'QuotaSet',
      outcome: 'done',
      configuredBytes: bytes,
      restarted: waits,
      members: roomRows(after.members),
    },
    table: roomTable(after.members),
    notes: [
      `in your own topology file too: etcd: { quotaBackendBytes: ${bytes} }`,
      ...(bytes > advisedBytesMax
        ? [`etcd's authors advise no more than ${size(advisedBytesMax)}: snapshots and repairs take long`]
        : []),
      ...(after.alarms.some(({ type }) => type === 'NOSPACE')
        ? ['next: coordinator alarm disarm NOSPACE']
        : []),
    ],
  };
}

interface Carried {
  readonly bytes: number;
  readonly waits: readonly string[];
  readonly step: <T>(name: string, run: () => Promise<T>) => Promise<T>;
}

async function carryOut(
  { progress }: CommandContext,
  room: Room,
  { bytes, waits, step }: Carried,
): Promise<void> {
  const { cluster, record, credentials, look, places } = room;
  const { text, topology } = withQuota(cluster.topology, (await cluster.state.text('cluster.yaml'))!, bytes);
  await withAgents(cluster, places, async (reached) => {
    if (reached.failures[0] !== undefined) throw reached.failures[0].failure;
    const generation = await step('tell every agent', async () => {
      // The topology first: a run that is cut short here finds what it has to send in the digests.
      await cluster.state.write(text, 'cluster.yaml');
      const published = await publish({ ...cluster, topology }, record, reached);
      if (published.missed[0] !== undefined) throw published.missed[0].failure;
      return published.record.generation;
    });
    await inTurn({
      nodes: waits,
      operation: { step },
      look,
      credentials,
      clock: systemClock,
      verb: 'restart',
      more: () => [],
      resume: () => `coordinator quota set ${bytes}`,
      act: (member) =>
        progress.phase(`Restart ${member.node}`, () => {
          const link = reached.links.find(({ place }) => place.name === member.node)!;
          return restartOne({ link, member, generation, look, clock: systemClock, runsWith: bytes });
        }),
    });
  });
}

/** Nodes whose etcd does not run with it. */
function waitingFor({ members }: RoomSight, bytes: number): string[] {
  return members.filter(({ quotaBytes }) => quotaBytes !== bytes).map(({ node }) => node);
}

function refuse(sight: RoomSight, bytes: number): void {
  if (bytes < quotaBytesMin || bytes > quotaBytesMax)
    throw new Failure({
      exit: 'usage',
      what: `a quota is between ${size(quotaBytesMin)} and ${size(quotaBytesMax)}`,
      next: 'coordinator quota set 8GiB',
    });
  const full = sight.members.filter(({ fileBytes = 0 }) => fileBytes >= bytes * fullRatio);
  const where = [
    ...full.map(
      ({ node, fileBytes }) => `${node} has a file of ${size(fileBytes)}: it would take no writes at once`,
    ),
    ...troubles(sight),
    ...(sight.members.length < 3
      ? ['fewer than three members: each restart would stop the service; change it by hand in a quiet hour']
      : []),
  ];
  if (where.length === 0) return;
  throw new Failure({
    exit: 'refused',
    what: 'the quota is not changed now',
    where,
    next:
      full.length > 0
        ? 'coordinator compact, then coordinator defrag; or a larger SIZE'
        : 'coordinator status; when all is well, this command again',
  });
}
