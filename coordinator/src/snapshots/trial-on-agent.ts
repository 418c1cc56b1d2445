/**
 * A trial restore takes an etcd, which the coordinator's host need not have: an agent of the cluster does it. The file is sent
 * there, tried, and removed again.
 */
import { Fault, type SnapshotContent, type StoredSnapshot } from '@etcd-agent/protocol';
import { withAgents } from '../cluster/ask-agents.js';
import { type Cluster, placeOf, readBootstrapRecord } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { openLocalFile } from '../link/local-file.js';
import { sendFile } from '../link/send-file.js';
import { sizeText } from '../output/sizes.js';
import { byPercent, type Progress } from '../progress.js';
import { checkSnapshotFile, refuseNewer, type SnapshotFile } from './snapshot-file.js';

/** Sending aside, for each GB of the file; restoring and starting an etcd on it takes seconds on a usual disk. */
const trialMsPerGb = 10 * 60_000;
const trialMsMin = 10 * 60_000;
const percentStep = 10;

export interface TriedFile extends SnapshotFile {
  /** The node that did it. */
  readonly on: string;
  readonly content: SnapshotContent;
}

export interface TrialPlace {
  /** This node and no other. */
  readonly on?: string | undefined;
  /** This node before the others: its etcd does not lead. */
  readonly rather?: string | undefined;
}

/** Checks the file here, then has it tried by the first agent that can. Throws Failure. */
export async function trialOfFile(
  cluster: Cluster,
  path: string,
  { on, rather }: TrialPlace,
  progress: Progress,
): Promise<TriedFile> {
  const file = await checkSnapshotFile(path);
  const record = await readBootstrapRecord(cluster.state);
  if (record !== undefined) refuseNewer(file, record.etcdVersion);
  const places = on === undefined ? [...cluster.places] : [placeOf(cluster, on, 'snapshot verify FILE --on')];
  places.sort((a, b) => Number(b.name === rather) - Number(a.name === rather));
  return withAgents(cluster, places, async ({ links, failures }) => {
    const refused: Failure[] = failures.map(({ failure }) => failure);
    for (const link of links) {
      try {
        return { ...file, on: link.place.name, content: await tryOn(link, file, progress) };
      } catch (error) {
        const failure = nodeFailure(link.place, error);
        // What is wrong with the file is so everywhere; what is wrong with a host (no room, no program, busy) is not.
        if (error instanceof Fault && error.kind === 'refused') throw failure;
        refused.push(failure);
      }
    }
    throw new Failure({
      exit: refused.every(({ parts }) => parts.exit === 'unreachable') ? 'unreachable' : 'failed',
      what: 'no agent could try a restore of it',
      where: refused.map(({ parts }) => parts.what),
      next: refused.at(-1)?.parts.next ?? 'coordinator status',
    });
  });
}

async function tryOn(link: NodeLink, file: SnapshotFile, progress: Progress): Promise<SnapshotContent> {
  const { name } = link.place;
  const local = await openLocalFile(file.path, file);
  try {
    await progress.phase(`Sending ${sizeText(file.bytes)} to ${name}`, async (report) => {
      const tell = byPercent(percentStep, (percent) => report.note(`${percent} %`));
      await sendFile(link, 'snapshot', local, (received) => tell(received, file.bytes));
    });
  } finally {
    await local.close();
  }
  try {
    const { verified } = await verifyStored(link, file, progress);
    return verified!.content;
  } finally {
    await link.call('snapshot.forget', { sha256: file.sha256 }).catch(() => {});
  }
}

/** How long a trial of a file of that size may take. */
export function trialMsMax(bytes: number): number {
  return trialMsMin + (bytes / 1024 ** 3) * trialMsPerGb;
}

/** A snapshot that is on that node. */
export function verifyStored(
  link: NodeLink,
  { sha256, bytes }: Pick<StoredSnapshot, 'sha256' | 'bytes'>,
  progress: Progress,
): Promise<StoredSnapshot> {
  return progress.phase(`Trial restore on ${link.place.name}`, () =>
    link.call('snapshot.verify', { sha256, trial: true }, trialMsMax(bytes)),
  );
}
