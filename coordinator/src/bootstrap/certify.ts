/**
 * Keys made on the nodes, all at once; certificates issued here; installed there. The CA keys stay in this process. Issuing
 * and installing are two, because nothing may be put in place for etcd before the checks have passed.
 */
import { readAuthority } from '../authority.js';
import { issuePeer, issueServer } from '../certificates.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { PhaseReport } from '../progress.js';

/** RSA 4096 takes seconds of CPU a key, and a small host makes two. */
const keysMsMax = 180_000;

/** Certificates for the keys of one node, not installed yet. */
export interface IssuedNode {
  readonly link: NodeLink;
  readonly certificates: Readonly<Record<'etcdCa' | 'etcd' | 'peerCa' | 'peer', string>>;
}

/** Rejects with the Failure of the first node that could not make its keys. */
export async function issue(
  { state, topology }: Cluster,
  links: readonly NodeLink[],
  report: PhaseReport,
): Promise<readonly IssuedNode[]> {
  const now = new Date();
  const [etcdCa, peerCa] = await Promise.all([
    readAuthority(state, 'etcd', now),
    readAuthority(state, 'peer', now),
  ]);
  const { pkiSettings } = topology;
  const { algo, size } = pkiSettings.leaf.key;
  const pending = new Set(links.map(({ place }) => place.name));
  report.note(`${algo} ${size} keys on ${[...pending].join(', ')}`);
  return Promise.all(
    links.map(async (link): Promise<IssuedNode> => {
      const { place } = link;
      try {
        const requests = await link.call('pki.request', { key: pkiSettings.leaf.key }, keysMsMax);
        const [etcd, peer] = await Promise.all([
          issueServer(etcdCa, pkiSettings, place, requests.etcd, new Date()),
          issuePeer(peerCa, pkiSettings, place, requests.peer, new Date()),
        ]);
        pending.delete(place.name);
        if (pending.size > 0) report.note(`${algo} ${size} keys on ${[...pending].join(', ')}`);
        const certificates = { etcdCa: etcdCa.certificate, etcd, peerCa: peerCa.certificate, peer };
        return { link, certificates };
      } catch (error) {
        throw nodeFailure(place, error);
      }
    }),
  );
}

/** Idempotent. Rejects with the Failure of the first node that refused. */
export async function install(issued: readonly IssuedNode[]): Promise<void> {
  await Promise.all(
    issued.map(async ({ link, certificates }) => {
      try {
        await link.call('pki.install', certificates);
      } catch (error) {
        throw nodeFailure(link.place, error);
      }
    }),
  );
}
