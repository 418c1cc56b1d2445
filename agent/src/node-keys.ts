/**
 * The node's own etcd and peer keys: made here, kept here, certified by the coordinator. A key that exists is kept, so
 * that asking again after a failure changes nothing.
 */
import { join } from 'node:path';
import {
  certificateSha256,
  createRequest,
  generateKey,
  isPrivateKey,
  type KeyRequest,
  keyMatches,
  PkiError,
  readCertificate,
  readRequest,
  verifyChain,
} from '@etcd-agent/pki';
import { Fault, type NodeSnapshot } from '@etcd-agent/protocol';
import { installPems, keepForeignPems, type NodePems } from './etcd-files.js';
import type { AgentHost } from './host.js';
import { oncePerText } from './once-per-text.js';
import { optionalText } from './optional-text.js';

const purposes = ['etcd', 'peer'] as const;
type Purpose = (typeof purposes)[number];

/** Requests for both keys; missing keys, and keys of another kind than asked for, are made now, both at once. */
export async function requestCertificates(
  host: AgentHost,
  key: KeyRequest,
): Promise<Record<Purpose, string>> {
  const [etcd, peer] = await Promise.all(purposes.map((purpose) => requestFor(host, purpose, key)));
  return { etcd: etcd!, peer: peer! };
}

export interface IssuedCertificates {
  readonly etcdCa: string;
  readonly etcd: string;
  readonly peerCa: string;
  readonly peer: string;
}

/** Checks the certificates against keys and CAs, keeps copies, and puts everything in place for etcd. */
export async function installCertificates(host: AgentHost, issued: IssuedCertificates): Promise<void> {
  const now = host.clock.now();
  for (const purpose of purposes) {
    const key = await readKey(host, purpose);
    if (key === undefined) throw new Fault('refused', `there is no ${purpose} key on this node to certify`);
    const authority = purpose === 'etcd' ? issued.etcdCa : issued.peerCa;
    for (const usage of ['server auth', 'client auth'] as const) {
      const verdict = verifyChain({ leaf: issued[purpose], authority, now, usage });
      if (!verdict.ok) {
        throw new Fault(
          'refused',
          `the ${purpose} certificate is not usable: ${verdict.message}`,
          clockHint(verdict.kind),
        );
      }
    }
    if (!keyMatches(issued[purpose], key)) {
      throw new Fault('refused', `the ${purpose} certificate is for another key than this node's`);
    }
  }
  const { files } = host;
  // Our copies say that we have been here: without them whatever is in place is not ours.
  if (!(await files.exists(join(host.paths.copiesDir, 'etcd.pem')))) await keepForeignPems(host);
  await Promise.all(
    Object.entries(copies(issued)).map(([name, text]) =>
      files.writeAtomic(join(host.paths.copiesDir, name), text, { mode: 0o600 }),
    ),
  );
  await installPems(host, await pemsOf(host, issued));
}

/** Names, fingerprints and expiry of what is installed; empty before the first installation. */
export async function viewCertificates(host: AgentHost): Promise<NodeSnapshot['certificates']> {
  const views: NodeSnapshot['certificates'] = [];
  const named: [string, string | undefined][] = [
    ['agent', (await host.store.identity())?.certificate],
    ['etcd', await readCopy(host, 'etcd.pem')],
    ['peer', await readCopy(host, 'peer.pem')],
  ];
  for (const [name, pem] of named) {
    if (pem === undefined) continue;
    const certificate = readCertificate(pem);
    views.push({ name, sha256: certificate.fingerprint256, notAfter: certificate.notAfter.toISOString() });
  }
  return views;
}

/** What etcd's clients on this host present: the node's own etcd certificate. Undefined before it is installed. */
export async function clientCredentials(
  host: AgentHost,
): Promise<{ ca: string; cert: string; key: string } | undefined> {
  const [etcdCa, etcd, etcdKey] = await Promise.all([
    readCopy(host, 'etcd-root-ca.pem'),
    readCopy(host, 'etcd.pem'),
    readKey(host, 'etcd'),
  ]);
  return credentialsIn({ etcdCa, etcd, etcdKey });
}

/** The same, from what was read already. */
export function credentialsIn({
  etcdCa: ca,
  etcd: cert,
  etcdKey: key,
}: Pick<KeptPems, 'etcdCa' | 'etcd' | 'etcdKey'>): { ca: string; cert: string; key: string } | undefined {
  return ca === undefined || cert === undefined || key === undefined ? undefined : { ca, cert, key };
}

/** Each of the six undefined where it is missing. */
export type KeptPems = { readonly [K in keyof NodePems]: string | undefined };

/** The certificates and keys that the agent keeps for its etcd; undefined where one of them is missing. */
export async function storedPems(host: AgentHost): Promise<NodePems | undefined> {
  return allOf(await keptPems(host));
}

/** All six, or undefined. */
export function allOf({ etcdCa, etcd, etcdKey, peerCa, peer, peerKey }: KeptPems): NodePems | undefined {
  if (!etcdCa || !etcd || !etcdKey || !peerCa || !peer || !peerKey) return undefined;
  return { etcdCa, etcd, etcdKey, peerCa, peer, peerKey };
}

/** What there is of them. */
export async function keptPems(host: AgentHost): Promise<KeptPems> {
  const copy = (name: string) => readCopy(host, name);
  const [etcdCa, etcd, etcdKey, peerCa, peer, peerKey] = await Promise.all([
    copy('etcd-root-ca.pem'),
    copy('etcd.pem'),
    readKey(host, 'etcd'),
    copy('peer-ca.pem'),
    copy('peer.pem'),
    readKey(host, 'peer'),
  ]);
  return { etcdCa, etcd, etcdKey, peerCa, peer, peerKey };
}

export function fingerprints(issued: IssuedCertificates): { etcdSha256: string; peerSha256: string } {
  return { etcdSha256: certificateSha256(issued.etcd), peerSha256: certificateSha256(issued.peer) };
}

async function requestFor(host: AgentHost, purpose: Purpose, wanted: KeyRequest): Promise<string> {
  const subject = { CN: purpose === 'etcd' ? 'etcd' : 'etcd-peer', names: [] };
  const existing = await readKey(host, purpose);
  if (existing !== undefined) {
    const request = await createRequest({ key: existing, subject });
    const { key } = await readRequest(request);
    if (key.algo === wanted.algo && key.size === wanted.size) return request;
  }
  const key = await generateKey(wanted);
  await host.files.writeAtomic(keyPath(host, purpose), key, { mode: 0o600 });
  return createRequest({ key, subject });
}

async function pemsOf(host: AgentHost, issued: IssuedCertificates): Promise<NodePems> {
  const [etcdKey, peerKey] = await Promise.all([readKey(host, 'etcd'), readKey(host, 'peer')]);
  return { ...issued, etcdKey: etcdKey!, peerKey: peerKey! };
}

function copies(issued: IssuedCertificates): Record<string, string> {
  return {
    'etcd-root-ca.pem': issued.etcdCa,
    'etcd.pem': issued.etcd,
    'peer-ca.pem': issued.peerCa,
    'peer.pem': issued.peer,
  };
}

function keyPath(host: AgentHost, purpose: Purpose): string {
  return join(host.paths.keysDir, `${purpose}-key.pem`);
}

/** Undefined also where what is there is no key any more: the bootstrap makes another then, as for one that is missing. */
async function readKey(host: AgentHost, purpose: Purpose): Promise<string | undefined> {
  const text = await optionalText(host.files, keyPath(host, purpose));
  return text !== undefined && isKey(text) ? text : undefined;
}

/** A certificate that the agent keeps; undefined also where what is there is none any more. */
async function readCopy(host: AgentHost, name: string): Promise<string | undefined> {
  const text = await optionalText(host.files, join(host.paths.copiesDir, name));
  return text !== undefined && isCertificate(text) ? text : undefined;
}

const isKey = oncePerText(isPrivateKey);
const isCertificate = oncePerText((text) => {
  try {
    readCertificate(text);
    return true;
  } catch (error) {
    if (error instanceof PkiError) return false;
    throw error;
  }
});

function clockHint(kind: string): string | undefined {
  return kind === 'notYetValid' || kind === 'expired'
    ? "Compare this host's clock with the coordinator's."
    : undefined;
}
