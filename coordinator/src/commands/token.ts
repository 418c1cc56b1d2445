/** `coordinator token NODE`: a one-time join token on stdout; with `--replace`, for a host that was reinstalled. */
import { audit } from '../audit.js';
import { readAdminCredentials, readAuthority } from '../authority.js';
import { keepRecord } from '../bootstrap/record.js';
import { entryOf } from '../cluster/entry-of.js';
import { finishedRecord, wantedPlaces } from '../cluster/finished.js';
import { type Cluster, openCluster, placeOf } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { readNode } from '../link/node-records.js';
import type { View } from '../output/view.js';
import { makeToken } from '../tokens.js';
import type { CommandContext } from './context.js';

export interface TokenFlags {
  readonly lifeMs: number;
  readonly replace: boolean;
}

export async function token(
  { stateDir }: CommandContext,
  node: string,
  { lifeMs, replace }: TokenFlags,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const { state, topology } = cluster;
  placeOf(cluster, node, 'token');
  const { certificate: agentCa } = await readAuthority(state, 'agent', new Date());
  const lock = await state.lock('coordinator token');
  try {
    const enrolled = await readNode(state, node);
    const replaced = replace ? await replaceMemberOf(cluster, node) : undefined;
    const made = await makeToken(state, topology.name, node, agentCa, lifeMs);
    await audit(state, {
      action: 'token',
      node,
      outcome: 'ok',
      detail: {
        tokenId: made.token.id,
        expiresAt: made.token.expiresAt,
        ...(replaced === undefined ? {} : { replaces: replaced.memberId }),
      },
    });
    return {
      document: {
        kind: 'JoinToken',
        node,
        token: made.text,
        expiresAt: made.token.expiresAt,
        ...(replaced === undefined ? {} : { replaces: replaced.memberId }),
      },
      table: made.text,
      notes: [
        ...(enrolled === undefined
          ? []
          : [
              `note: ${node} is enrolled since ${enrolled.enrolledAt}; this token replaces its identity when it is used`,
            ]),
        ...(replaced?.notes ?? []),
        `one use, for ${node} only, until ${made.token.expiresAt}; earlier tokens of ${node} are void. It is a secret.`,
        `next: copy it to ${node} and there: etcd-agent enrol --token-file FILE${replace ? '; then here: coordinator bootstrap' : ''}`,
      ],
    };
  } finally {
    await lock.release();
  }
}

/**
 * Writes down whose place the node takes: the bootstrap that enrols it tells its agent. A node that was removed on purpose is
 * wanted again by this.
 */
async function replaceMemberOf(
  cluster: Cluster,
  node: string,
): Promise<{ memberId: string; notes: readonly string[] }> {
  const { state, places } = cluster;
  const record = await finishedRecord(cluster);
  const place = placeOf(cluster, node, 'token');
  const others = wantedPlaces(places, record).filter(({ name }) => name !== node);
  const { members, endpoints } = await viewCluster([...others, place], await readAdminCredentials(state));
  if (members === undefined) {
    throw new Failure({
      exit: 'unreachable',
      what: `no member tells which member ${node} was`,
      where: others.map(({ name, clientURL }) => `${name} ${clientURL}`),
      cause: 'etcd does not answer, and without a quorum no place can be taken over',
      next: `coordinator status; where the quorum is lost for good: coordinator recover --give-up ${node}, and then this again`,
    });
  }
  const entry = entryOf(place, members);
  // Not in the list: removed already. The place is free, and the agent only adds.
  const memberId = entry?.id ?? record.members.find(({ name }) => name === node)!.memberId;
  await keepRecord(
    state,
    {
      ...record,
      unwanted: record.unwanted.filter((name) => name !== node),
      replaces: [...record.replaces.filter((each) => each.node !== node), { node, memberId }],
    },
    'next',
  );
  const answers = endpoints.some(({ name, status }) => name === node && status !== undefined);
  return {
    memberId,
    notes: [
      entry === undefined
        ? `note: ${node} has no entry in the member list any more: it only joins`
        : `note: ${node} takes the place of member ${memberId}, once that has been silent for a while`,
      ...(answers
        ? [
            `warning: etcd of ${node} still answers: while it does, its place is not free, and nothing happens`,
          ]
        : []),
    ],
  };
}
