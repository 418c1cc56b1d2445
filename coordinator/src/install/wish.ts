/** What this coordinator's state says of a node: the part of a plan's input that is here, not there. And the token to place. */
import { encodeToken } from '@etcd-agent/protocol';
import { audit } from '../audit.js';
import { readAuthority } from '../authority.js';
import { readNode } from '../link/node-records.js';
import { makeToken, readToken } from '../tokens.js';
import type { InstallContext, Target } from './context.js';
import type { InstallStep, Wish } from './plan/plan.js';

/** It is used within a minute; longer only where the agent cannot be reached and somebody has to mend that first. */
const tokenMs = 60 * 60_000;
/** A token that is out is placed only while it still serves for a while. */
const tokenLeftMsMin = 5 * 60_000;

export async function wishFor(
  { place }: Target,
  { cluster, source, bootstrapped }: InstallContext,
): Promise<Wish> {
  const [node, token] = await Promise.all([
    readNode(cluster.state, place.name),
    readToken(cluster.state, place.name),
  ]);
  const usable = token !== undefined && Date.parse(token.token.expiresAt) > Date.now() + tokenLeftMsMin;
  return {
    cluster: cluster.topology.name,
    node: place.name,
    source,
    // Signed for already: the agent may have its certificate, and only our note of it was cut short.
    enrolled: node !== undefined || token?.bound !== undefined,
    tokenOut: usable ? { expiresAt: token.token.expiresAt, bound: token.bound !== undefined } : undefined,
    bootstrapped,
  };
}

/** Its text: the one that is out, or a new one, which is written down and audited as `coordinator token` does it. */
export async function joinTokenFor(
  { place }: Target,
  { cluster: { state, topology } }: InstallContext,
  which: (InstallStep & { kind: 'token' })['which'],
): Promise<string> {
  const out = which === 'out' ? await readToken(state, place.name) : undefined;
  if (out !== undefined) return encodeToken(out.token);
  const { certificate } = await readAuthority(state, 'agent', new Date());
  const { text, token } = await makeToken(state, topology.name, place.name, certificate, tokenMs);
  await audit(state, {
    action: 'token',
    node: place.name,
    outcome: 'ok',
    detail: { tokenId: token.id, expiresAt: token.expiresAt, for: 'install' },
  });
  return text;
}
