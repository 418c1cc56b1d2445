/**
 * Join tokens: made for one node, bound to one key when they are used, burnt when the new identity has answered.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { certificateSha256 } from '@etcd-agent/pki';
import { encodeToken, type JoinToken } from '@etcd-agent/protocol';
import { type TokenRecord, tokenRecordSchema } from './state/records.js';
import type { StateDir } from './state/state-dir.js';

/** Makes a token for a node; an earlier one for the same node is worth nothing from now on. Returns its text. */
export async function makeToken(
  state: StateDir,
  cluster: string,
  node: string,
  agentCa: string,
  lifeMs: number,
): Promise<{ text: string; token: JoinToken }> {
  const now = Date.now();
  const token: JoinToken = {
    id: randomUUID(),
    cluster,
    node,
    agentCaSha256: certificateSha256(agentCa),
    secret: randomBytes(16).toString('base64url'),
    expiresAt: new Date(now + lifeMs).toISOString(),
  };
  await state.makeDirectory('tokens');
  await keepToken(state, { token, madeAt: new Date(now).toISOString() });
  return { text: encodeToken(token), token };
}

/** The token that is out for a node, expired or not; undefined where there is none. */
export function readToken(state: StateDir, node: string): Promise<TokenRecord | undefined> {
  return state.json(tokenRecordSchema, 'tokens', `${node}.json`);
}

export function keepToken(state: StateDir, record: TokenRecord): Promise<void> {
  return state.writeJson(record, 'tokens', `${record.token.node}.json`);
}

export function burnToken(state: StateDir, node: string): Promise<void> {
  return state.remove('tokens', `${node}.json`);
}
