/** `coordinator explain NODE`: what is seen of a node, what happens next, what that waits for, what a person can do. */
import { askAgents, withAgents } from '../cluster/ask-agents.js';
import { openCluster, placeOf, readBootstrapRecord } from '../cluster/open-cluster.js';
import { type ExplainInputs, explanation } from '../output/explain.js';
import { sightRows } from '../output/sights.js';
import type { View } from '../output/view.js';
import type { CommandContext } from './context.js';

export async function explain({ stateDir }: CommandContext, node: string): Promise<View> {
  const cluster = await openCluster(stateDir);
  const place = placeOf(cluster, node, 'explain');
  const record = await readBootstrapRecord(cluster.state);
  const { answered, silent } = await withAgents(cluster, cluster.places, (reached) =>
    askAgents(reached, async (link) =>
      link.place === place
        ? { status: await link.call('heal.status', {}) }
        : { view: await link.call('peer.view', {}) },
    ),
  );
  const status = answered.flatMap(({ value }) => value.status ?? [])[0];
  const views = answered.flatMap(({ value }) => value.view ?? []);
  const inputs: ExplainInputs = {
    node,
    names: cluster.places.map(({ name }) => name),
    own:
      status === undefined
        ? {
            kind: 'silent',
            why: silent.find((each) => each.place === place)?.failure.parts.what ?? 'its agent was not asked',
          }
        : { kind: 'answers', status },
    views,
    isUnwanted: record?.unwanted.includes(node) === true,
    now: new Date(),
  };
  const paragraphs = explanation(inputs);
  const nobody = status === undefined && views.length === 0;
  return {
    document: {
      kind: 'Explain',
      node,
      unwanted: inputs.isUnwanted,
      status: status ?? null,
      sights: sightRows(views).filter((row) => row.node === node),
      advice: paragraphs.find(({ head }) => head === 'What you can do')?.lines ?? [],
    },
    table: [
      `${node} (${place.address})`,
      ...paragraphs.flatMap(({ head, lines }) => ['', `${head}:`, ...lines.map((line) => `  ${line}`)]),
    ].join('\n'),
    exit: nobody ? 'unreachable' : silent.length > 0 ? 'degraded' : 'ok',
    notes: silent
      .filter((each) => each.place !== place)
      .map((each) => `${each.place.name}: ${each.failure.parts.what}`),
  };
}
