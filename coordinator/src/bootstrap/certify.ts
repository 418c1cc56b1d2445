/** Keys made on the nodes, all at once; certificates issued here; installed there. The CA keys stay in this process. */
import { readAuthority } from '../authority.js';
import { issuePeer, issueServer } from '../certificates.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { PhaseReport } from '../progress.js';

/** RSA 4096 takes seconds of CPU a key, and a small host makes two. */
const keysMsMax = 180_000;

export async function certify(
  { state, topology }: Cluster,
  links: readonly NodeLink[],
  report: PhaseReport,
): Promise<void> {
  const now = new Date();
  const [etcdCa, peerCa] = await Promise.all([
    readAuthority(state, 'etcd', now),
    readAuthority(state, 'peer', now),
  ]);
  const { pkiSettings } = topology;
  const { algo, size } = pkiSettings.leaf.key;
  const pending = new Set(links.map(({ place }) => place.name));
  report.note(`${algo} ${size} keys on ${[...pending].join(', ')}`);
  await Promise.all(
    links.map(async (link) => {
      const { place } = link;
      try {
        const requests = await link.call('pki.request', { key: pkiSettings.leaf.key }, keysMsMax);
        const [etcd, peer] = await Promise.all([
          issueServer(etcdCa, pkiSettings, place, requests.etcd, new Date()),
          issuePeer(peerCa, pkiSettings, place, requests.peer, new Date()),
        ]);
        await link.call('pki.install', {
          etcdCa: etcdCa.certificate,
          etcd,
          peerCa: peerCa.certificate,
          peer,
        });
      } catch (error) {
        throw nodeFailure(place, error);
      }
      pending.delete(place.name);
      if (pending.size > 0) report.note(`${algo} ${size} keys on ${[...pending].join(', ')}`);
    }),
  );
}
