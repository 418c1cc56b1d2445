/** What agents are told, in which generation, and what is on disk before they are. */
import type { MemberSpec } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { readBootstrapRecord } from '../cluster/open-cluster.js';
import type { NodeLink } from '../link/dial-node.js';
import { fakeLink, finishedCluster, reachedOf } from '../testing/fake-agents.js';
import { publish } from './publish.js';

async function setUp(generations: readonly number[] = [3, 3, 3]) {
  const { cluster, record } = await finishedCluster();
  const sent: MemberSpec[] = [];
  const onDisk: (number | undefined)[] = [];
  const links = cluster.places.map(
    (place, index): NodeLink =>
      fakeLink(
        place,
        {
          async 'spec.apply'({ spec }) {
            sent.push(spec);
            onDisk.push((await readBootstrapRecord(cluster.state))?.generation);
            return { changed: true };
          },
        },
        generations[index],
      ),
  );
  return { cluster, record, sent, onDisk, links };
}

describe('telling the agents', () => {
  it('of nothing new sends nothing and takes no generation', async () => {
    const { cluster, record, sent, links } = await setUp();
    const published = await publish(cluster, record, reachedOf(links));
    expect([published.record.generation, sent]).toEqual([3, []]);
  });

  it('of a node that is not wanted any more is one generation, on disk before anybody hears of it', async () => {
    const { cluster, record, sent, onDisk, links } = await setUp();
    const published = await publish(cluster, { ...record, unwanted: ['n2'] }, reachedOf(links));
    expect(published.told).toEqual(['n0', 'n1', 'n2']);
    expect(sent.map(({ generation, unwanted }) => [generation, unwanted])).toEqual(
      Array.from({ length: 3 }, () => [4, ['n2']]),
    );
    expect(onDisk).toEqual([4, 4, 4]);
  });

  it('again reaches those that were down, in the same generation, and nobody twice', async () => {
    const { cluster, record, sent, links } = await setUp();
    const first = await publish(
      cluster,
      { ...record, unwanted: ['n2'] },
      reachedOf(links.slice(0, 2), [cluster.places[2]!]),
    );
    expect(first.missed.map(({ place }) => place.name)).toEqual(['n2']);
    const later = links.map((link, index) => ({
      ...link,
      hello: { ...link.hello, generation: index === 2 ? 3 : 4 },
    }));
    const second = await publish(cluster, (await readBootstrapRecord(cluster.state))!, reachedOf(later));
    expect([second.record.generation, second.missed]).toEqual([4, []]);
    expect(sent.map(({ node, generation }) => `${node} ${generation}`)).toEqual(['n0 4', 'n1 4', 'n2 4']);
  });

  it('that know more than this state is refused, and nothing is written', async () => {
    const { cluster, record, sent, links } = await setUp([3, 5, 3]);
    await expect(publish(cluster, { ...record, unwanted: ['n2'] }, reachedOf(links))).rejects.toMatchObject({
      exitCode: 6,
      parts: { where: ['n1 has generation 5'] },
    });
    expect([(await readBootstrapRecord(cluster.state))?.unwanted, sent]).toEqual([[], []]);
  });

  it('leaves a node that was enrolled anew to the bootstrap, which certifies it too', async () => {
    const { cluster, record, sent, links } = await setUp([3, 3, 0]);
    const { missed } = await publish(cluster, { ...record, unwanted: ['n0'] }, reachedOf(links));
    expect(sent.map(({ node }) => node)).toEqual(['n0', 'n1']);
    expect(missed.map(({ failure }) => failure.parts.next)).toEqual(['coordinator bootstrap']);
  });
});
