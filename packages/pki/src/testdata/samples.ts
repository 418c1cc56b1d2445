/** Small things that several tests of this package need; not part of the package. */
import type { Authority } from '../authority.js';
import { createAuthority } from '../authority.js';
import { createRequest, readRequest } from '../certificate-request.js';
import { type IssueInput, issue } from '../issue.js';
import { generateKey, type KeyRequest } from '../key.js';

export const p256: KeyRequest = { algo: 'ecdsa', size: 256 };
export const rsa2048: KeyRequest = { algo: 'rsa', size: 2048 };

export const names = [{ C: 'CN', ST: 'Beijing', L: 'Beijing', O: 'etcd', OU: 'etcd Security' }];
export const now = new Date('2026-03-01T12:00:00Z');

export function sampleAuthority(options: { key?: KeyRequest; CN?: string; expiry?: string; at?: Date } = {}) {
  return createAuthority({
    subject: { CN: options.CN ?? 'etcd-root-ca', names },
    key: options.key ?? p256,
    expiry: options.expiry ?? '87600h',
    now: options.at ?? now,
  });
}

/** A leaf with its key, by the whole way: key, request, reading of the request, issue. */
export async function sampleLeaf(
  authority: Authority,
  options: Partial<Omit<IssueInput, 'authority' | 'publicKey'>> & { key?: KeyRequest } = {},
): Promise<{ certificate: string; key: string }> {
  const { key: keyRequest, ...rest } = options;
  const key = await generateKey(keyRequest ?? p256);
  const request = await createRequest({
    key,
    subject: { CN: 'asked for', names: [] },
    hosts: ['evil.example'],
  });
  const { publicKey } = await readRequest(request);
  const certificate = await issue({
    authority,
    publicKey,
    subject: { CN: 'etcd', names },
    hosts: ['127.0.0.1', 'localhost'],
    uris: [],
    usages: ['signing', 'key encipherment', 'server auth', 'client auth'],
    expiry: '8760h',
    now,
    ...rest,
  });
  return { certificate, key };
}
