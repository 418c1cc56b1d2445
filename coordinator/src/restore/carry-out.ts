/**
 * Carries an operation over the whole cluster out, from wherever it is: every step can be repeated, and an agent that has done
 * its part says so and does nothing. What is to be done is in the record; nothing else is remembered between two runs.
 */
import type { ClusterOperation } from '@etcd-agent/protocol';
import { failureOf, onEvery, type Reached } from '../bootstrap/connect.js';
import { keepRecord } from '../bootstrap/record.js';
import { specDigests } from '../bootstrap/specs.js';
import type { Silent } from '../cluster/ask-agents.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { publish } from '../generation/publish.js';
import type { NodeLink } from '../link/dial-node.js';
import { currentCertificates } from '../link/node-records.js';
import type { Operation } from '../operation.js';
import type { Progress } from '../progress.js';
import type { BootstrapRecord } from '../state/records.js';
import { checkMembers } from './check-members.js';
import { endedRecord } from './record.js';

/** What goes on with an operation that was cut short; it is in the record, so that every refusal can name it. */
export const restoreCommand = 'coordinator restore --resume';
export const recoverCommand = 'coordinator recover --resume';

/** An etcd that is stopped has 15 s to end, and its agent may be at a look of its own. */
const stepMsMax = 60_000;
/** Restoring takes a minute for some gigabytes, on a slow disk many. */
const placeMsMax = 60 * 60_000;

export interface Carried {
  readonly cluster: Cluster;
  /** Of every node that answers; those that take part must be among them. */
  readonly reached: Reached;
  readonly progress: Progress;
  readonly audited: Pick<Operation, 'step'>;
  /** How long the members may take to become healthy after their start. */
  readonly timeoutMs: number;
}

export interface CarriedOut {
  /** What was done. */
  readonly operation: ClusterOperation;
  readonly record: BootstrapRecord;
  readonly seen: ClusterView;
  /** Nodes that still act by what they were told before. */
  readonly missed: readonly Silent[];
}

/** Writes a record down that begins an operation, with the one before it beside it. No agent has heard of it yet. */
export async function beginRecord(
  { state, topology, places }: Cluster,
  before: BootstrapRecord,
  next: Omit<BootstrapRecord, 'generation' | 'specsSha256' | 'settingsSha256'>,
  { links }: Pick<Reached, 'links'>,
): Promise<BootstrapRecord> {
  const names = places.map(({ name }) => name);
  const digests = specDigests({
    topology,
    places,
    record: next,
    certificates: await currentCertificates(state, names),
  });
  const generation = Math.max(before.generation, ...links.map(({ hello }) => hello.generation)) + 1;
  const record: BootstrapRecord = { ...next, ...digests, generation };
  await keepRecord(state, record, 'new');
  return record;
}

/** Throws Failure with the command that goes on. The record must name an operation that is under way. */
export async function carryOut(context: Carried, record: BootstrapRecord): Promise<CarriedOut> {
  const operation = record.underWay!;
  const { cluster, reached, progress, audited, timeoutMs } = context;
  const links = partOf(reached, operation.nodes, record);
  const phase = <T>(title: string, run: Parameters<typeof progress.phase<T>>[1]) =>
    audited.step(title, () => progress.phase(title, run));
  const all = (title: string, act: (link: NodeLink) => Promise<unknown>, on: readonly NodeLink[] = links) =>
    phase(title, () => goingOn(onEvery(on, act)));
  const id = { operation: operation.id };
  const goingOn = <T>(step: Promise<T>) =>
    step.catch((error: unknown) => {
      throw withCommand(error, record);
    });

  await phase('Hold every agent', async () => {
    const { missed } = await publish(cluster, record, { links, failures: [] });
    if (missed.length > 0) throw withCommand(failureOf(missed), record);
  });
  const bearers: NodeLink[] = [];
  switch (operation.kind) {
    case 'restore':
      await all('Stop etcd and move its data aside', (link) =>
        link.call('operation.quarantine', id, stepMsMax),
      );
      await all('Restore the snapshot on every node', (link) => link.call('operation.place', id, placeMsMax));
      bearers.push(...links);
      break;
    case 'undo':
      await all('Put the former data back', async (link) => {
        await link.call('operation.putBack', id, stepMsMax);
        const { dataDir } = await link.call('operation.look', { operation: operation.of });
        // A node that came later has none of that cluster's data: it rejoins when this has ended.
        if (dataDir.kind === 'ours' && dataDir.wal.kind === 'present') bearers.push(link);
      });
      break;
  }
  await all('Start etcd', (link) => link.call('operation.start', id, stepMsMax), bearers);
  const seen = await phase('Wait until all members are healthy, and compare them', (report) =>
    goingOn(checkMembers({ cluster, links: bearers, record, timeoutMs, report })),
  );
  return phase('Let the agents go on', async () => {
    const { record: next, missed } = await publish(cluster, endedRecord(record), reached);
    return { operation, record: next, seen, missed };
  });
}

/** The links to the nodes that take part. Throws Failure where one is missing. */
function partOf(
  { links, failures }: Reached,
  nodes: readonly string[],
  record: BootstrapRecord,
): readonly NodeLink[] {
  const missing = failures.filter(({ place }) => nodes.includes(place.name));
  if (missing.length > 0) throw withCommand(failureOf(missing), record);
  return links.filter(({ place }) => nodes.includes(place.name));
}

/** There was a cluster with a quorum before it, which can be put back; before a recovery there was none. */
export function canTakeBack({ kind, command }: ClusterOperation): boolean {
  return kind === 'restore' && command !== recoverCommand;
}

/** What failed, and that the operation has not ended: it goes on, or is taken back. */
function withCommand(error: unknown, { underWay }: BootstrapRecord): unknown {
  if (!(error instanceof Failure) || underWay === undefined) return error;
  const { next, ...parts } = error.parts;
  const nexts = [next, `then: ${underWay.command}`];
  if (canTakeBack(underWay)) nexts.push('or take it back: coordinator restore undo');
  return new Failure(
    { ...parts, next: nexts.filter((each) => each !== undefined).join('\n') },
    { cause: error },
  );
}
