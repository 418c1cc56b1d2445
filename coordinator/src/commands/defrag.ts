/** `coordinator defrag [NODE...]`: members write their files anew without gaps, one at a time, the leader last. */
import { EtcdError } from '@etcd-agent/etcd';
import { systemClock } from '@etcd-agent/platform';
import { withAgents } from '../cluster/ask-agents.js';
import { etcdFailure } from '../cluster/etcd-failure.js';
import { placeOf } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { recorded } from '../operation.js';
import { operatorName } from '../operator.js';
import { roomRows, size } from '../output/room.js';
import { table } from '../output/table.js';
import type { View } from '../output/view.js';
import { inTurn } from '../room/in-turn.js';
import { openRoom, type Room } from '../room/open-room.js';
import { defragMsMax, diskTrouble, versionTroubles } from '../room/plan/defrag-rules.js';
import { troubles } from '../room/plan/one-at-a-time.js';
import type { RoomMember } from '../room/plan/sight.js';
import { withRoom } from '../room/see-room.js';
import type { CommandContext } from './context.js';

export interface DefragFlags {
  readonly nodes: readonly string[];
  /** In spite of a version with a known defect. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

interface Done {
  readonly node: string;
  readonly beforeBytes: number;
  readonly afterBytes: number;
  readonly ms: number;
}

export async function defrag(context: CommandContext, { nodes, force, dryRun }: DefragFlags): Promise<View> {
  const room = await openRoom(context.stateDir);
  const { cluster, places, credentials, look } = room;
  for (const node of nodes) placeOf(cluster, node, 'defrag');
  const wanted = nodes.length === 0 ? places.map(({ name }) => name) : [...new Set(nodes)];
  const before = await look();
  const more = ({ members }: { readonly members: readonly RoomMember[] }) =>
    versionTroubles(
      members.filter(({ node }) => wanted.includes(node)),
      force,
    );
  const against = [...troubles(before), ...more(before)];
  if (against.length > 0 || dryRun) return planView(wanted, before.members, against);
  const lock = await cluster.state.lock('coordinator defrag');
  const done: Done[] = [];
  try {
    await recorded(
      cluster.state,
      {
        action: 'defrag',
        nodes: wanted,
        plan: ['one member at a time, the leader last, after it has handed over'],
        before: { members: roomRows(before.members) },
        resume: `coordinator defrag ${wanted.join(' ')}`,
      },
      (operation) =>
        withAgents(
          cluster,
          places.filter(({ name }) => wanted.includes(name)),
          ({ links, failures }) => {
            if (failures[0] !== undefined) throw failures[0].failure;
            return inTurn({
              nodes: wanted,
              operation,
              look,
              credentials,
              clock: systemClock,
              verb: 'defragment',
              more,
              resume: (remaining) => `coordinator defrag ${remaining.join(' ')}${force ? ' --force' : ''}`,
              act: async (member) => {
                const link = links.find(({ place }) => place.name === member.node)!;
                done.push(await defragOne(context, room, member, link));
              },
            });
          },
        ),
      () => ({ done }),
    );
  } finally {
    await lock.release();
  }
  return {
    document: { kind: 'Defrag', outcome: 'done', members: done },
    table: table(
      ['NODE', 'BEFORE', 'AFTER', 'TOOK'],
      done.map(({ node, beforeBytes, afterBytes, ms }) => [
        node,
        size(beforeBytes),
        size(afterBytes),
        `${(ms / 1000).toFixed(1)} s`,
      ]),
    ),
    notes: before.alarms.some(({ type }) => type === 'NOSPACE')
      ? ['next: coordinator alarm disarm NOSPACE']
      : [],
  };
}

/** The agent is told first: an etcd that defragments does not answer, and is not to be restarted for that. */
async function defragOne(
  { progress }: CommandContext,
  { credentials }: Room,
  member: RoomMember,
  link: NodeLink,
): Promise<Done> {
  const forMs = defragMsMax(member);
  const by = operatorName();
  const announce = (ms: number) => link.call('defrag.announce', { forMs: ms, by });
  const { freeBytes } = await announce(forMs).catch((error: unknown) => {
    throw nodeFailure(link.place, error);
  });
  const trouble = diskTrouble(member, freeBytes);
  let over = true;
  try {
    if (trouble !== undefined)
      throw new Failure({
        exit: 'refused',
        what: trouble,
        next: `make room on ${member.node}, then coordinator defrag ${member.node}`,
      });
    return await progress.phase(`Defragment ${member.node}`, async ({ note }) => {
      note(`${size(member.fileBytes)}; it answers nobody meanwhile, for up to ${forMs / 1_000} s`);
      const began = performance.now();
      const after = await withRoom(member.endpoint, credentials, async (room) => {
        await room.defragment(forMs);
        return room.sizes();
      });
      return {
        node: member.node,
        beforeBytes: member.fileBytes ?? 0,
        afterBytes: after.fileBytes,
        ms: Math.round(performance.now() - began),
      };
    });
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    over = error.kind !== 'deadline';
    throw etcdFailure(
      error,
      `${member.node} did not say that it has defragmented its database`,
      over
        ? `coordinator explain ${member.node}`
        : `it may still be at it: coordinator health; when all are well: coordinator defrag ${member.node}`,
    );
  } finally {
    // One that may be at it still stays explained until its time is over.
    if (over) await announce(0).catch(() => {});
  }
}

function planView(
  wanted: readonly string[],
  members: readonly RoomMember[],
  against: readonly string[],
): View {
  const order = members
    .filter(({ node }) => wanted.includes(node))
    .sort((a, b) => Number(a.leads === true) - Number(b.leads === true));
  if (against.length > 0)
    throw new Failure({
      exit: 'refused',
      what: 'no member is defragmented now: it takes a member out of service',
      where: against,
      next: 'coordinator status; when all is well: coordinator defrag',
    });
  return {
    document: {
      kind: 'Defrag',
      outcome: 'planned',
      order: order.map(({ node }) => node),
      members: roomRows(members),
    },
    table: table(
      ['NODE', 'FILE', 'IN USE', 'LEADER'],
      order.map(({ node, fileBytes, usedBytes, leads }) => [
        node,
        size(fileBytes),
        size(usedBytes),
        leads === true ? 'hands over before' : '',
      ]),
    ),
    notes: ['in this order, one at a time; nothing was changed', 'next: coordinator defrag'],
  };
}
