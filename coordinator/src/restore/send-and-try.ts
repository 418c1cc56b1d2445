/** The snapshot onto every node that takes part, where it is checked and tried: an etcd is started on it and thrown away. */
import type { SnapshotContent } from '@etcd-agent/protocol';
import { failureOf } from '../bootstrap/connect.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { openLocalFile } from '../link/local-file.js';
import { sendFile } from '../link/send-file.js';
import type { PhaseReport } from '../progress.js';
import type { SnapshotFile } from './snapshot-file.js';

/** Restoring and reading through 8 GiB on a slow disk. */
const trialMsMax = 30 * 60_000;
/** Percent between two lines of progress. */
const percentStep = 10;

/** What all of them served from it. Throws Failure where one cannot, or where they do not agree. */
export async function sendAndTry(
  { path, sha256, bytes }: SnapshotFile,
  links: readonly NodeLink[],
  report: PhaseReport,
): Promise<SnapshotContent> {
  const file = await openLocalFile(path, { sha256, bytes });
  try {
    const outcomes = await Promise.allSettled(
      links.map(async (link) => {
        let told = -1;
        await sendFile(link, 'snapshot', file, (received) => {
          const percent = Math.floor(received / bytes / (percentStep / 100)) * percentStep;
          if (percent === told) return;
          told = percent;
          report.note(`${link.place.name}: ${percent} % of ${bytes} bytes`);
        });
        report.note(`${link.place.name}: trying it`);
        return link.call('snapshot.verify', { sha256, trial: true }, trialMsMax);
      }),
    );
    const failures = outcomes.flatMap((outcome, at) =>
      outcome.status === 'rejected'
        ? [{ place: links[at]!.place, failure: nodeFailure(links[at]!.place, outcome.reason) }]
        : [],
    );
    if (failures.length > 0) throw failureOf(failures);
    const contents = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? (outcome.value.verified?.content ?? []) : [],
    );
    const [first] = contents;
    const told = new Set(contents.map(({ revision, keys }) => `${keys} keys at revision ${revision}`));
    if (first !== undefined && told.size === 1 && contents.length === links.length) return first;
    throw new Failure({
      exit: 'failed',
      what: 'the nodes do not agree on what is in the snapshot; nothing was changed',
      where: [...told],
      next: 'coordinator check compares the etcds of the nodes',
    });
  } finally {
    await file.close();
  }
}
