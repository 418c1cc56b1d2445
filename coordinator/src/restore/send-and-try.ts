/** The snapshot onto every node that takes part, where it is checked and tried: an etcd is started on it and thrown away. */
import type { SnapshotContent } from '@etcd-agent/protocol';
import { onEvery } from '../bootstrap/connect.js';
import { Failure } from '../failure.js';
import type { NodeLink } from '../link/dial-node.js';
import { openLocalFile } from '../link/local-file.js';
import { sendFile } from '../link/send-file.js';
import { sizeText } from '../output/sizes.js';
import { byPercent, type PhaseReport } from '../progress.js';
import { trialMsMax } from '../snapshots/trial-on-agent.js';
import type { RestorableFile } from './restorable-file.js';

/** Percent between two lines of progress. */
const percentStep = 10;

/** What all of them served from it. Throws Failure where one cannot, or where they do not agree. */
export async function sendAndTry(
  { path, sha256, bytes }: Pick<RestorableFile, 'path' | 'sha256' | 'bytes'>,
  links: readonly NodeLink[],
  report: PhaseReport,
): Promise<SnapshotContent> {
  const file = await openLocalFile(path, { sha256, bytes });
  try {
    const tried = await onEvery(links, async (link) => {
      const { name } = link.place;
      const tell = byPercent(percentStep, (percent) =>
        report.note(`${name}: ${percent} % of ${sizeText(bytes)}`),
      );
      await sendFile(link, 'snapshot', file, (received) => tell(received, bytes));
      report.note(`${name}: trying it`);
      return link.call('snapshot.verify', { sha256, trial: true }, trialMsMax(bytes));
    });
    const contents = tried.flatMap(({ verified }) => verified?.content ?? []);
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
