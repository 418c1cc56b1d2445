/**
 * Tells the agents of a finished cluster what follows from topology and record now: in a new generation where that differs
 * from what was sent last, in the same one where only some agents have not heard of it yet.
 */

import type { Reached } from '../bootstrap/connect.js';
import { keepRecord } from '../bootstrap/record.js';
import { memberSpecs, specDigests } from '../bootstrap/specs.js';
import { type Answers, askAgents, type Silent } from '../cluster/ask-agents.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { currentCertificates } from '../link/node-records.js';
import type { BootstrapRecord } from '../state/records.js';

export interface Published {
  /** As it is on disk now. */
  readonly record: BootstrapRecord;
  /** Names of the nodes that have this generation now. */
  readonly told: readonly string[];
  /** Nodes that still act by what they were told before. */
  readonly missed: readonly Silent[];
}

/** `record` may differ from the one on disk: it is written, and synced, before any agent hears of it. */
export async function publish(
  cluster: Cluster,
  record: BootstrapRecord,
  reached: Reached,
): Promise<Published> {
  refuseOlderState(record, reached);
  const { state, topology, places } = cluster;
  const certificates = await currentCertificates(
    state,
    places.map(({ name }) => name),
  );
  const inputs = { topology, places, record, certificates };
  const digests = specDigests(inputs);
  const next =
    digests.specsSha256 === record.specsSha256
      ? record
      : { ...record, ...digests, generation: record.generation + 1 };
  if (next !== record) await keepRecord(state, next, 'next');
  const specs = memberSpecs(inputs, next.generation);
  const answers: Answers<unknown> = await askAgents(reached, async (link) => {
    const { name } = link.place;
    if (link.hello.generation === 0) throw withoutSpec(name);
    if (link.hello.generation < next.generation)
      await link.call('spec.apply', { spec: specs.find(({ node }) => node === name)! });
  });
  return { record: next, told: answers.answered.map(({ place }) => place.name), missed: answers.silent };
}

/** An agent that knows a newer generation was told it by another copy of this state. */
function refuseOlderState({ generation }: BootstrapRecord, { links }: Reached): void {
  const ahead = links.filter(({ hello }) => hello.generation > generation);
  if (ahead.length === 0) return;
  throw new Failure({
    exit: 'refused',
    what: `this state is older than what agents were told: it knows generation ${generation}`,
    where: ahead.map(({ place, hello }) => `${place.name} has generation ${hello.generation}`),
    next: 'use the newer coordinator state, or coordinator state import FILE --state NEWDIR',
  });
}

// Without certificates of its own a node must not be configured: the bootstrap does both.
function withoutSpec(name: string): Failure {
  return new Failure({
    exit: 'failed',
    what: `${name} has no member spec yet`,
    cause: 'it was enrolled anew and not configured since',
    next: 'coordinator bootstrap',
  });
}
