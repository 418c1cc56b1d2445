/** `coordinator snapshot verify`: the bytes of a snapshot, and what a real etcd serves from it. */
import { withAgents } from '../cluster/ask-agents.js';
import { type Cluster, openCluster, placeOf } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import { verifiedLines } from '../output/snapshots.js';
import type { View } from '../output/view.js';
import type { Progress } from '../progress.js';
import { findSource } from '../snapshots/find-source.js';
import { isOfCluster } from '../snapshots/snapshot-file.js';
import { trialOfFile, verifyStored } from '../snapshots/trial-on-agent.js';
import { changeSaved } from '../state/saved-snapshots.js';
import type { CommandContext } from './context.js';

/** `what`: a file of this host, or NODE:NAME as `snapshot list` shows it. */
export async function snapshotVerify(
  { stateDir, progress }: CommandContext,
  what: string,
  on: string | undefined,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const [node, ...rest] = what.split(':');
  const stored = rest.length > 0 && cluster.places.some(({ name }) => name === node);
  return stored ? onNode(cluster, node!, rest.join(':'), progress) : ofFile(cluster, what, on, progress);
}

async function ofFile(
  cluster: Cluster,
  path: string,
  on: string | undefined,
  progress: Progress,
): Promise<View> {
  const rather = on ?? (await findSource(cluster, undefined).catch(() => undefined))?.name;
  const tried = await trialOfFile(cluster, path, { on, rather }, progress);
  const verified = { at: new Date().toISOString(), on: tried.on, content: tried.content };
  await changeSaved(cluster.state, 'coordinator snapshot verify', (notes) =>
    notes.map((note) => (note.sha256 === tried.sha256 ? { ...note, verified } : note)),
  );
  const { backend, ...file } = tried;
  const ours = isOfCluster(backend, cluster.places);
  return {
    document: {
      kind: 'SnapshotVerification',
      ...file,
      ofThisCluster: ours,
      members: backend.members,
      clusterVersion: backend.clusterVersion ?? null,
    },
    table: verifiedLines(file.path, tried),
    notes: [
      ...(ours
        ? []
        : [
            `warning: it is of another cluster (${backend.members.map(({ name, peerURLs }) => `${name} ${peerURLs.join(',')}`).join('; ')})`,
          ]),
      ...(file.seal === 'none'
        ? [
            "warning: it is a copy of a member's db: nothing vouches for its bytes, and the end of the WAL is not in it",
          ]
        : []),
    ],
  };
}

function onNode(cluster: Cluster, node: string, name: string, progress: Progress): Promise<View> {
  const place = placeOf(cluster, node, `snapshot verify NODE:${name}`);
  return withAgents(cluster, [place], async ({ links, failures }) => {
    const [link] = links;
    if (link === undefined) throw failures[0]!.failure;
    try {
      const { snapshots } = await link.call('snapshot.list', {});
      const found = snapshots.find((snapshot) => snapshot.name === name);
      if (found === undefined)
        throw new Failure({
          exit: 'usage',
          what: `${node} has no snapshot ${name}`,
          next: 'coordinator snapshot list',
        });
      const verified = await verifyStored(link, found, progress);
      const tried = { ...verified, on: node, content: verified.verified!.content };
      return {
        document: { kind: 'SnapshotVerification', ...verified, on: node },
        table: verifiedLines(`${node}:${name}`, tried),
      };
    } catch (error) {
      throw nodeFailure(place, error);
    }
  });
}
