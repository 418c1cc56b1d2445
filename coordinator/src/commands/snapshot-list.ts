/** `coordinator snapshot list`: what this coordinator has saved, and what every agent keeps. */
import type { StoredSnapshot } from '@etcd-agent/protocol';
import { askAgents, exitOfAnswers, silentNotes, withAgents } from '../cluster/ask-agents.js';
import { openCluster } from '../cluster/open-cluster.js';
import { scheduleLines, snapshotTable } from '../output/snapshots.js';
import type { View } from '../output/view.js';
import { isThere, savedSnapshots } from '../state/saved-snapshots.js';
import type { CommandContext } from './context.js';

export async function snapshotList({ stateDir }: CommandContext): Promise<View> {
  const cluster = await openCluster(stateDir);
  const notes = await savedSnapshots(cluster.state);
  const here = await Promise.all(
    notes.map(async (note) => ({ where: 'here' as const, ...note, there: await isThere(note) })),
  );
  const { answered, silent } = await withAgents(cluster, cluster.places, (reached) =>
    askAgents(reached, (link) => link.call('snapshot.list', {})),
  );
  const onNodes = answered.flatMap(({ place, value }) =>
    value.snapshots.map((snapshot: StoredSnapshot) => ({ where: place.name, ...snapshot })),
  );
  return {
    document: {
      kind: 'SnapshotList',
      here: here.map(({ where: _, ...note }) => note),
      nodes: answered.map(({ place, value }) => ({ node: place.name, ...value })),
    },
    table: [
      snapshotTable(here, onNodes),
      ...answered.flatMap(({ place, value }) => scheduleLines(place.name, value.schedule)),
    ].join('\n'),
    exit: exitOfAnswers({ answered, silent }),
    notes: [
      ...silentNotes(silent, 'was not asked'),
      ...(here.length + onNodes.length === 0 ? ['there are none; next: coordinator snapshot save'] : []),
    ],
  };
}
