/** Custody of the CAs: what is made, what is checked at every use, and what a request cannot obtain. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  createRequest,
  generateKey,
  issue,
  readCertificate,
  readRequest,
} from '@etcd-agent/pki';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthorities, readAdminCredentials, readAuthority, readLinkCredentials } from './authority.js';
import { issueIdentity, issuePeer, issueServer } from './certificates.js';
import { Failure } from './failure.js';
import { StateDir } from './state/state-dir.js';
import { threeNodes } from './testing/topologies.js';
import { placesOf } from './topology/places.js';
import { parseTopology } from './topology/read.js';

const { topology } = parseTopology(threeNodes, 'c.yaml', () => '');
const place = placesOf(topology)[0]!;
const settings = topology.pkiSettings;
const p256 = { algo: 'ecdsa', size: 256 } as const;
const now = new Date();
const yearMs = 365 * 24 * 3600 * 1000;

let dir = '';
let state: StateDir;
let original: Map<string, string>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'authority-'));
  ({ state } = await StateDir.create(join(dir, 'state'), 'test'));
  await createAuthorities(state, 'c1', settings, now);
  original = new Map();
  for (const name of await readdir(state.file('ca')))
    original.set(name, await readFile(state.file('ca', name), 'utf8'));
});
beforeEach(async () => {
  for (const [name, text] of original) await state.write(text, 'ca', name);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function failure(act: Promise<unknown>): Promise<Failure> {
  const outcome = await act.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  if (outcome instanceof Failure) return outcome;
  throw new Error(String(outcome));
}

describe('a new state', () => {
  it('has three CAs that do not vouch for each other', async () => {
    const [etcd, peer, agent] = await Promise.all(
      (['etcd', 'peer', 'agent'] as const).map((name) => readAuthority(state, name, now)),
    );
    const keys = new Set(
      [etcd, peer, agent].map((each) =>
        new X509Certificate(each!.certificate).publicKey
          .export({ type: 'spki', format: 'der' })
          .toString('hex'),
      ),
    );
    expect(keys.size).toBe(3);
    const subjects = [etcd, peer, agent].map((each) => new X509Certificate(each!.certificate).subject);
    expect(new Set(subjects).size).toBe(3);
  });

  it('keeps every key 0600', async () => {
    for (const folder of ['ca', 'admin', 'link']) {
      for (const name of await readdir(state.file(folder))) {
        expect(((await stat(state.file(folder, name))).mode & 0o777).toString(8), name).toBe('600');
      }
    }
  });

  it("gives the operator a client's certificate, and no server's", async () => {
    const { cert } = await readAdminCredentials(state);
    expect(new X509Certificate(cert).keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  });

  it('gives the coordinator a role that no agent has', async () => {
    const { certificate } = await readLinkCredentials(state, now);
    expect(readCertificate(certificate).uris).toEqual(['etcd-agent://c1/coordinator/coordinator']);
  });
});

describe('a CA in the state', () => {
  const expectFailure = async (what: RegExp, at = now) => {
    const { exitCode, parts } = await failure(readAuthority(state, 'etcd', at));
    expect(exitCode).toBe(7);
    expect(parts.what).toMatch(what);
    expect(parts.where).toEqual([
      state.file('ca', 'etcd-root-ca.pem'),
      state.file('ca', 'etcd-root-ca-key.pem'),
    ]);
    expect(parts.cause).toBeDefined();
    expect(parts.next).toMatch(/backup|clock|date/);
  };

  it.each(['etcd-root-ca.pem', 'etcd-root-ca-key.pem'])('whose %s is missing is named', async (name) => {
    await state.remove('ca', name);
    await expectFailure(new RegExp(`${name} is missing`));
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, 300)],
    ['emptied', () => ''],
    [
      'altered',
      (text: string) => text.replace(/[A-Za-z](?=[^\n]*\n[^\n]*\n-----END)/, (c) => (c === 'A' ? 'B' : 'A')),
    ],
    ['replaced by something else', () => 'hello\n'],
  ])('whose certificate was %s is not used', async (_how, change) => {
    const text = original.get('etcd-root-ca.pem')!;
    expect(change(text)).not.toBe(text);
    await state.write(change(text), 'ca', 'etcd-root-ca.pem');
    await expectFailure(/^the etcd CA cannot be used: /);
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, 80)],
    ['emptied', () => ''],
  ])('whose key was %s is not used', async (_how, change) => {
    await state.write(change(original.get('etcd-root-ca-key.pem')!), 'ca', 'etcd-root-ca-key.pem');
    await expectFailure(/^the etcd CA cannot be used: /);
  });

  it('with the key of another CA is not used', async () => {
    await state.write(original.get('peer-ca-key.pem')!, 'ca', 'etcd-root-ca-key.pem');
    await expectFailure(/key and certificate do not belong together/);
  });

  it('that is a leaf is not used', async () => {
    const key = await generateKey(p256);
    const { publicKey } = await readRequest(await createRequest({ key, subject: { CN: 'x', names: [] } }));
    const leaf = await issue({
      authority: await readAuthority(state, 'etcd', now),
      publicKey,
      subject: { CN: 'x', names: [] },
      hosts: ['10.0.0.1'],
      uris: [],
      usages: ['signing', 'client auth'],
      expiry: '24h',
      now,
    });
    await state.write(leaf, 'ca', 'etcd-root-ca.pem');
    await state.write(key, 'ca', 'etcd-root-ca-key.pem');
    await expectFailure(/is no CA certificate/);
  });

  it('that has expired says when, and that the clock may be wrong', async () => {
    const late = new Date(now.getTime() + 11 * yearMs);
    await expectFailure(/it expired at 20\d\d-/, late);
    expect((await failure(readAuthority(state, 'etcd', late))).parts.cause).toMatch(/clock/);
  });

  it('that is not valid yet blames the clock', async () => {
    await expectFailure(/it is valid from /, new Date(now.getTime() - yearMs));
  });
});

describe("the coordinator's own certificate", () => {
  it('of another state is not shown to anybody', async () => {
    const foreign = await createAuthority({
      subject: { CN: 'c1 agents', names: [] },
      key: p256,
      expiry: '8760h',
      now,
    });
    await state.write(foreign.certificate, 'ca', 'agent-ca.pem');
    await state.write(foreign.key, 'ca', 'agent-ca-key.pem');
    const { exitCode, parts } = await failure(readLinkCredentials(state, now));
    expect(exitCode).toBe(7);
    expect(parts.what).toMatch(/^the coordinator's own certificate cannot be used: /);
    expect(parts.where).toEqual([state.file('link', 'coordinator.pem')]);
  });
});

describe('a request that asks for more than its node may have', () => {
  // What an agent that was taken over would send: another's names, another role, a CA.
  const wicked = async () => {
    const key = await generateKey(p256);
    const request = await createRequest({
      key,
      subject: { CN: 'root', names: [{ O: 'system:masters', OU: 'coordinator' }] },
      hosts: ['10.0.0.11', '10.0.0.12', '0.0.0.0', 'evil.example', '*.example'],
    } as never);
    return { request, publicKey: (await readRequest(request)).publicKey };
  };
  const namesOf = (pem: string) => {
    const certificate = new X509Certificate(pem);
    return {
      subject: certificate.subject.split('\n').sort(),
      names: (certificate.subjectAltName ?? '').split(', ').sort(),
      ca: certificate.ca,
      key: certificate.publicKey.export({ type: 'spki', format: 'pem' }),
    };
  };

  it('gets a server certificate with the names of the topology, and only its public key from the request', async () => {
    const { request, publicKey } = await wicked();
    const issued = await issueServer(await readAuthority(state, 'etcd', now), settings, place, request, now);
    expect(namesOf(issued)).toEqual({
      subject: ['C=CN', 'CN=etcd', 'L=Beijing', 'O=etcd', 'OU=etcd Security', 'ST=Beijing'],
      names: ['DNS:localhost', 'DNS:n0', 'DNS:n0.example', 'IP Address:10.0.0.10', 'IP Address:127.0.0.1'],
      ca: false,
      key: publicKey,
    });
  });

  it('gets a peer certificate with its own address and nothing else', async () => {
    const { request, publicKey } = await wicked();
    const issued = await issuePeer(await readAuthority(state, 'peer', now), settings, place, request, now);
    expect(namesOf(issued)).toEqual({
      subject: ['C=CN', 'CN=n0', 'L=Beijing', 'O=etcd', 'OU=etcd Security', 'ST=Beijing'],
      names: ['IP Address:10.0.0.10'],
      ca: false,
      key: publicKey,
    });
  });

  it('gets the identity of its own node in the role of an agent', async () => {
    const { request, publicKey } = await wicked();
    const issued = await issueIdentity(await readAuthority(state, 'agent', now), 'c1', place, request, now);
    expect(namesOf(issued)).toEqual({
      subject: ['CN=n0'],
      names: ['IP Address:10.0.0.10', 'URI:etcd-agent://c1/agent/n0'],
      ca: false,
      key: publicKey,
    });
  });

  it('is refused where its own signature does not hold', async () => {
    const { request } = await wicked();
    const der = Buffer.from(request.replace(/-----[^-]+-----/g, ''), 'base64');
    der.writeUInt8(der.at(-1)! ^ 1, der.length - 1);
    const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(
      issueIdentity(await readAuthority(state, 'agent', now), 'c1', place, broken, now),
    ).rejects.toThrow(/not signed by its own key|malformed|damaged/);
  });
});
