/**
 * A repair as it happens: what the node's agent writes down, in words, until the member is well again. That it is well is
 * not the agent's word: a linearizable read through the member, a voter of the list, says so.
 */
import { isSameProcess, type ProcessIdentity } from '@etcd-agent/platform';
import type { HealStatus } from '@etcd-agent/protocol';
import { entryOf } from '../cluster/entry-of.js';
import { type Cluster, credentialsOf } from '../cluster/open-cluster.js';
import { type AdminCredentials, viewCluster } from '../cluster/probe-members.js';
import { readNew } from '../events/read-events.js';
import { Failure } from '../failure.js';
import type { NodeLink } from '../link/dial-node.js';
import { reachNode } from '../link/reach-node.js';
import { waitingText } from '../output/healing.js';
import type { NodePlace } from '../topology/places.js';
import { repairWords } from './repair-words.js';

/** Between two looks: a repair takes seconds. */
const pollMs = 100;
const readMsMax = 1_000;

/** One thing that happened, at its moment after the fault. */
export interface StoryLine {
  readonly atMs: number;
  readonly node: string;
  readonly text: string;
}

export interface FollowHealingOptions {
  readonly cluster: Cluster;
  readonly credentials: AdminCredentials;
  readonly place: NodePlace;
  /** The newest event before the fault. */
  readonly afterEvent: number;
  /** The fault's moment, milliseconds since 1970: events carry the same clock. */
  readonly faultAt: number;
  /** A member with this id is not the healed one. */
  readonly formerMemberId: string | undefined;
  /** The process that was broken can be healed only by another in its place. */
  readonly formerEtcd: ProcessIdentity | undefined;
  readonly tell: (line: StoryLine) => void;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export interface Healed {
  readonly healMs: number;
  readonly memberId: string;
}

/** The newest event that the agent of this node has written. */
export async function newestEvent(cluster: Cluster, place: NodePlace): Promise<number> {
  const link = await reach(cluster, place);
  try {
    return (await link.call('events.read', { after: 0, limit: 1 })).newest;
  } finally {
    link.close();
  }
}

/** Resolves when the member is well. Throws Failure after `timeoutMs`, with what the agent waits for. */
export async function followHealing(options: FollowHealingOptions): Promise<Healed> {
  const { cluster, place, faultAt, tell, signal, timeoutMs } = options;
  const name = place.name;
  let after = options.afterEvent;
  let link: NodeLink | undefined;
  let last = 'its agent has said nothing yet';
  try {
    while (Date.now() - faultAt < timeoutMs) {
      signal.throwIfAborted();
      try {
        link ??= await reach(cluster, place);
        const read = await readNew(link, after);
        after = read.newest;
        for (const event of read.events) {
          const text = repairWords(event);
          if (text !== undefined) tell({ atMs: Date.parse(event.at) - faultAt, node: name, text });
        }
        const status = await link.call('heal.status', {});
        last = lastWord(status);
        const memberId = status.repair === null ? await healedMember(options) : undefined;
        if (memberId !== undefined) {
          const healMs = Date.now() - faultAt;
          tell({ atMs: healMs, node: name, text: `is a healthy voter: member ${memberId}` });
          return { healMs, memberId };
        }
      } catch (error) {
        // An agent that is away for a moment goes on where it was when it is back.
        last = (error as Error).message;
        link?.close();
        link = undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    link?.close();
  }
  throw new Failure({
    exit: 'failed',
    what: `${name} is not healthy ${Math.round(timeoutMs / 1000)} s after the fault; its agent goes on`,
    cause: last,
    next: `coordinator --state ${cluster.state.path} explain ${name}`,
  });
}

/** The member that this node is now, where that is not the broken one and reads go through it. */
async function healedMember({
  cluster,
  credentials,
  place,
  formerMemberId,
  formerEtcd,
}: FollowHealingOptions): Promise<string | undefined> {
  if (formerEtcd !== undefined && (await isSameProcess(formerEtcd))) return undefined;
  const { endpoints, members } = await viewCluster(cluster.places, credentials, readMsMax);
  const entry = entryOf(place, members ?? []);
  const isWell = endpoints.some(({ name, health }) => name === place.name && health.kind === 'healthy');
  if (!isWell || entry === undefined || entry.role !== 'voter' || entry.id === formerMemberId)
    return undefined;
  return entry.id;
}

function lastWord({ waiting, next, repair }: HealStatus): string {
  const words = [
    ...(repair === null ? [] : [`a repair is at ${repair.stage}`]),
    ...(next === null ? [] : [`next: ${next.step}, because ${next.why}`]),
    ...waiting.map(waitingText),
  ];
  return words.join('; ') || 'its agent sees nothing to do';
}

async function reach(cluster: Cluster, place: NodePlace): Promise<NodeLink> {
  const { state, topology } = cluster;
  return reachNode(place, {
    state,
    cluster: topology.name,
    credentials: await credentialsOf(cluster),
    mayEnrol: false,
  });
}

/** `   2.1 s  etcd1  etcd is stopped`. */
export function storyText({ atMs, node, text }: StoryLine): string {
  return `${(atMs / 1000).toFixed(1).padStart(6)} s  ${node}  ${text}`;
}
