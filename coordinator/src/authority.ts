/**
 * Custody of the CAs: three of them, made once, their keys 0600 in the state dir and never sent anywhere; and of the
 * certificates that this coordinator and its operator show. What nodes are certified as is in certificates.ts.
 */
import { X509Certificate } from 'node:crypto';
import {
  type Authority,
  createAuthority,
  createRequest,
  generateKey,
  issue,
  keyMatches,
  PkiError,
  readCertificate,
  readRequest,
  verifyChain,
} from '@etcd-agent/pki';
import { identityUri } from '@etcd-agent/protocol';
import { Failure } from './failure.js';
import type { StateDir } from './state/state-dir.js';
import type { PkiSettings } from './topology/pki-settings.js';

/** etcd: servers and clients. peer: raft between members. agent: the link. */
type AuthorityName = 'etcd' | 'peer' | 'agent';

/** Keys of the link: P-256 whatever etcd's own keys are, since nothing of the runbook reads them. */
const linkKey = { algo: 'ecdsa', size: 256 } as const;

export interface LinkCredentials {
  readonly certificate: string;
  readonly key: string;
  readonly agentCa: string;
}

const files: Readonly<Record<AuthorityName, readonly [certificate: string, key: string]>> = {
  etcd: ['etcd-root-ca.pem', 'etcd-root-ca-key.pem'],
  peer: ['peer-ca.pem', 'peer-ca-key.pem'],
  agent: ['agent-ca.pem', 'agent-ca-key.pem'],
};

/** Makes the three CAs, the operator's etcd client certificate and the coordinator's link certificate. */
export async function createAuthorities(
  state: StateDir,
  cluster: string,
  settings: PkiSettings,
  now: Date,
): Promise<void> {
  await state.makeDirectory('ca');
  await state.makeDirectory('link');
  await state.makeDirectory('admin');
  const { ca, leaf } = settings;
  const named = (CN: string) => ({ CN, names: ca.subject.names });
  const [etcd, peer, agent, adminKey, coordinatorKey] = await Promise.all([
    createAuthority({ subject: ca.subject, key: ca.key, expiry: ca.expiry, now }),
    createAuthority({
      subject: named(`${ca.subject.CN}-peer`.slice(0, 64)),
      key: ca.key,
      expiry: ca.expiry,
      now,
    }),
    createAuthority({
      subject: { CN: `${cluster} agents`.slice(0, 64), names: [] },
      key: linkKey,
      expiry: '87600h',
      now,
    }),
    generateKey(leaf.key),
    generateKey(linkKey),
  ]);
  for (const [name, made] of Object.entries({ etcd, peer, agent }) as [AuthorityName, Authority][]) {
    await state.write(made.key, 'ca', files[name][1]);
    await state.write(made.certificate, 'ca', files[name][0]);
  }
  const admin = await issue({
    authority: etcd,
    publicKey: (await publicKeyOf(adminKey)).publicKey,
    // etcd's own root user, so that the same certificate still administers once authentication is switched on.
    subject: { CN: 'root', names: leaf.names },
    hosts: [],
    uris: [],
    usages: ['signing', 'key encipherment', 'client auth'],
    expiry: leaf.expiry,
    now,
  });
  await state.write(adminKey, 'admin', 'etcd-client-key.pem');
  await state.write(admin, 'admin', 'etcd-client.pem');
  const coordinator = await issue({
    authority: agent,
    publicKey: (await publicKeyOf(coordinatorKey)).publicKey,
    subject: { CN: 'coordinator', names: [] },
    hosts: [],
    uris: [identityUri({ cluster, role: 'coordinator', name: 'coordinator' })],
    usages: ['signing', 'client auth'],
    expiry: '87600h',
    now,
  });
  await state.write(coordinatorKey, 'link', 'coordinator-key.pem');
  await state.write(coordinator, 'link', 'coordinator.pem');
}

/** The CA as stored, checked: both files there and fitting each other, in date. Throws Failure (identity) otherwise. */
export async function readAuthority(state: StateDir, name: AuthorityName, now: Date): Promise<Authority> {
  const [certificateFile, keyFile] = files[name];
  const [certificate, key] = await Promise.all([
    state.text('ca', certificateFile),
    state.text('ca', keyFile),
  ]);
  const broken = (what: string, cause: string) =>
    new Failure({
      exit: 'identity',
      what: `the ${name} CA cannot be used: ${what}`,
      where: [state.file('ca', certificateFile), state.file('ca', keyFile)],
      cause,
      next: /clock/.test(cause)
        ? 'compare date -u here and elsewhere; a CA that is really past its time needs a new state and a new bootstrap'
        : 'restore the ca directory from a backup, or bring a copy of this state back into a new one: coordinator --state NEWDIR state import FILE',
    });
  if (certificate === undefined) throw broken(`${certificateFile} is missing`, 'the state dir is incomplete');
  if (key === undefined) throw broken(`${keyFile} is missing`, 'the state dir is incomplete');
  try {
    const read = readCertificate(certificate);
    if (!keyMatches(certificate, key))
      throw broken('key and certificate do not belong together', 'files of two states were mixed');
    if (!read.isCA) throw broken(`${certificateFile} is no CA certificate`, 'files were mixed up');
    if (!signedByItself(certificate))
      throw broken(`${certificateFile} is not signed by its own key`, 'the file is damaged or was altered');
    if (read.notAfter <= now)
      throw broken(
        `it expired at ${read.notAfter.toISOString()}`,
        "the CA's life is over, or this host's clock is wrong",
      );
    if (read.notBefore > now)
      throw broken(`it is valid from ${read.notBefore.toISOString()} on`, "this host's clock is wrong");
  } catch (error) {
    if (error instanceof PkiError) throw broken(error.message, 'a file is damaged');
    throw error;
  }
  return { certificate, key };
}

// Damage that still parses shows here, before the certificate is copied to every node.
function signedByItself(pem: string): boolean {
  const certificate = new X509Certificate(pem);
  return certificate.verify(certificate.publicKey);
}

/** What the coordinator shows on links, checked against the agent CA of the same state. */
export async function readLinkCredentials(state: StateDir, now: Date): Promise<LinkCredentials> {
  const { certificate: agentCa } = await readAuthority(state, 'agent', now);
  const [certificate, key] = await Promise.all([
    state.text('link', 'coordinator.pem'),
    state.text('link', 'coordinator-key.pem'),
  ]);
  const verdict =
    certificate === undefined || key === undefined
      ? { ok: false as const, message: 'a file is missing' }
      : verifyChain({ leaf: certificate, authority: agentCa, now, usage: 'client auth' });
  if (!verdict.ok) {
    throw new Failure({
      exit: 'identity',
      what: `the coordinator's own certificate cannot be used: ${verdict.message}`,
      where: [state.file('link', 'coordinator.pem')],
      cause: 'it is damaged, expired, or of another state than the agent CA',
      next: 'restore the state dir from a backup, or bring a copy of it back into a new one: coordinator --state NEWDIR state import FILE',
    });
  }
  return { certificate: certificate!, key: key!, agentCa };
}

/** What the operator's etcd client shows. */
export async function readAdminCredentials(
  state: StateDir,
): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, cert, key] = await Promise.all([
    state.text('ca', 'etcd-root-ca.pem'),
    state.text('admin', 'etcd-client.pem'),
    state.text('admin', 'etcd-client-key.pem'),
  ]);
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new Failure({
      exit: 'identity',
      what: "the operator's etcd certificate is missing",
      where: [state.file('ca', 'etcd-root-ca.pem'), state.file('admin')],
      next: 'restore the state dir from a backup',
    });
  }
  return { ca, cert, key };
}

// A request proves nothing here, where the key was just made; it is the one way from a private key to its public half
// that the pki package offers.
async function publicKeyOf(key: string) {
  return readRequest(await createRequest({ key, subject: { CN: 'self', names: [] } }));
}
