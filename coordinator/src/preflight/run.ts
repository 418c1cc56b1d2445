/**
 * Carries a preflight out: facts of all nodes at once, then every node tries every other one's three doors at once, then
 * the temporary listeners go.
 */
import { randomBytes } from 'node:crypto';
import type { ProbeTarget } from '@etcd-agent/protocol';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { SnapshotSettings } from '../topology/snapshot-settings.js';
import type { NodeReport } from './findings.js';

/** `settings`: the topology's snapshots. Rejects with a Failure of the first node that did not answer. */
export async function runPreflight(
  links: readonly NodeLink[],
  settings: SnapshotSettings,
): Promise<NodeReport[]> {
  const nonce = randomBytes(16).toString('hex');
  const dir = settings?.dir;
  const snapshots = dir === undefined ? {} : { dir };
  try {
    const facts = await Promise.all(
      links.map((link) => {
        const { place } = link;
        return named(link, () =>
          link.call('preflight.begin', {
            dataDir: place.dataDir,
            client: { host: place.address, port: place.clientPort },
            peer: { host: place.address, port: place.peerPort },
            nonce,
            ...(settings === undefined ? {} : { snapshots }),
          }),
        );
      }),
    );
    const probes = await Promise.all(
      links.map((link) =>
        named(link, () => link.call('preflight.probe', { nonce, targets: targetsOf(link, links) })),
      ),
    );
    return links.map((link, index) => ({
      place: link.place,
      facts: facts[index]!,
      probes: probes[index]!.results,
      clock: link.clock,
    }));
  } finally {
    // A node that is gone has no listeners either.
    await Promise.allSettled(links.map((link) => link.call('preflight.end', {})));
  }
}

async function named<T>(link: NodeLink, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw nodeFailure(link.place, error);
  }
}

function targetsOf(link: NodeLink, links: readonly NodeLink[]): ProbeTarget[] {
  return links
    .filter((other) => other !== link)
    .flatMap(({ place }) => [
      { node: place.name, door: 'agent' as const, endpoint: { host: place.address, port: place.agentPort } },
      {
        node: place.name,
        door: 'client' as const,
        endpoint: { host: place.address, port: place.clientPort },
      },
      { node: place.name, door: 'peer' as const, endpoint: { host: place.address, port: place.peerPort } },
    ]);
}
