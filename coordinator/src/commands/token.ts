/** `coordinator token NODE`: a one-time join token on stdout. */
import { audit } from '../audit.js';
import { readAuthority } from '../authority.js';
import { openCluster, placeOf } from '../cluster/open-cluster.js';
import { readNode } from '../link/node-records.js';
import type { View } from '../output/view.js';
import { makeToken } from '../tokens.js';
import type { CommandContext } from './context.js';

export async function token({ stateDir }: CommandContext, node: string, lifeMs: number): Promise<View> {
  const cluster = await openCluster(stateDir);
  const { state, topology } = cluster;
  placeOf(cluster, node);
  const { certificate: agentCa } = await readAuthority(state, 'agent', new Date());
  const lock = await state.lock('coordinator token');
  try {
    const enrolled = await readNode(state, node);
    const made = await makeToken(state, topology.name, node, agentCa, lifeMs);
    await audit(state, {
      action: 'token',
      node,
      outcome: 'ok',
      detail: { tokenId: made.token.id, expiresAt: made.token.expiresAt },
    });
    const replaced =
      enrolled === undefined
        ? []
        : [
            `note: ${node} is enrolled since ${enrolled.enrolledAt}; this token replaces its identity when it is used`,
          ];
    return {
      document: { kind: 'JoinToken', node, token: made.text, expiresAt: made.token.expiresAt },
      table: made.text,
      notes: [
        ...replaced,
        `one use, for ${node} only, until ${made.token.expiresAt}; earlier tokens of ${node} are void. It is a secret.`,
        `next: copy it to ${node} and there: etcd-agent enrol --token-file FILE`,
      ],
    };
  } finally {
    await lock.release();
  }
}
