/** What the coordinator hears of the files of etcd: a node that has lost a key is certified again, beside an etcd that runs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issue, readRequest } from '@etcd-agent/pki';
import { linuxAccounts, linuxFiles, silentLogger, systemClock } from '@etcd-agent/platform';
import type { MemberSpec } from '@etcd-agent/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { configSchema, pathsOf } from './config.js';
import { installConf } from './etcd-files.js';
import type { AgentHost } from './host.js';
import {
  clientCredentials,
  installCertificates,
  requestCertificates,
  viewCertificates,
} from './node-keys.js';
import { viewFiles } from './observe.js';
import { Store } from './store.js';

const key = { algo: 'ecdsa', size: 256 } as const;
const urls = ['https://10.0.0.1:2380'];
const spec = {
  generation: 1,
  node: 'etcd0',
  cluster: { token: 't' },
  etcd: {
    version: '3.5.30',
    dataDir: '/var/lib/etcd/default.etcd',
    listenPeerURLs: urls,
    listenClientURLs: ['https://10.0.0.1:2379'],
    initialAdvertisePeerURLs: urls,
    advertiseClientURLs: ['https://10.0.0.1:2379'],
  },
  initialCluster: [{ name: 'etcd0', memberId: 'a'.repeat(16), peerURLs: urls }],
} as unknown as MemberSpec;

let dir: string;
let host: AgentHost;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'observe-'));
  const config = configSchema.parse({
    stateDir: join(dir, 'agent'),
    etcdConfigDir: join(dir, 'etc'),
    etcdUser: '',
  });
  const paths = pathsOf(config);
  const store = new Store(linuxFiles, paths);
  host = {
    store,
    config,
    paths,
    clock: systemClock,
    files: linuxFiles,
    accounts: linuxAccounts,
    log: silentLogger,
  } as unknown as AgentHost;
  for (const each of [paths.keysDir, paths.copiesDir, paths.etcdConfigDir])
    mkdirSync(each, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** As a bootstrap does it: keys that are there are kept, missing ones are made. */
async function certify(): Promise<void> {
  const now = new Date();
  const authority = await createAuthority({ subject: { CN: 'ca', names: [] }, key, expiry: '87600h', now });
  const { etcd, peer } = await requestCertificates(host, key);
  const leaf = async (request: string) =>
    issue({
      authority,
      publicKey: (await readRequest(request)).publicKey,
      subject: { CN: 'etcd', names: [] },
      hosts: ['10.0.0.1'],
      uris: [],
      usages: ['signing', 'key encipherment', 'server auth', 'client auth'],
      expiry: '8760h',
      now,
    });
  const ca = authority.certificate;
  await installCertificates(host, { etcdCa: ca, etcd: await leaf(etcd), peerCa: ca, peer: await leaf(peer) });
}

it('keys and certificates that are there and fit are intact; a key that goes is lost until it is certified again', async () => {
  await certify();
  await installConf(host, spec, 'existing');
  expect(await viewFiles(host, spec)).toEqual({ kind: 'intact' });
  rmSync(join(host.paths.keysDir, 'peer-key.pem'));
  expect(await viewFiles(host, spec)).toMatchObject({
    kind: 'lost',
    why: expect.stringContaining('coordinator bootstrap'),
  });
  // A new key for the former certificate.
  await requestCertificates(host, key);
  expect(await viewFiles(host, spec)).toMatchObject({ kind: 'lost' });
  await certify();
  expect(await viewFiles(host, spec)).toEqual({ kind: 'intact' });
});

it('a file of etcd that is gone is damaged: the agent writes it anew by itself', async () => {
  await certify();
  await installConf(host, spec, 'existing');
  rmSync(host.paths.peerKey);
  expect(await viewFiles(host, spec)).toEqual({ kind: 'damaged', which: [host.paths.peerKey] });
});

it.each(['keys', 'copies'])(
  'a file under %s that a disk has spoiled is lost, not an error at each look',
  async (where) => {
    await certify();
    await installConf(host, spec, 'existing');
    const path =
      where === 'keys' ? join(host.paths.keysDir, 'etcd-key.pem') : join(host.paths.copiesDir, 'etcd.pem');
    writeFileSync(path, '-----BEGIN \0\0\0');
    expect(await viewFiles(host, spec)).toMatchObject({ kind: 'lost' });
    expect(await clientCredentials(host)).toBeUndefined();
    expect(await viewCertificates(host)).toBeDefined();
    await certify();
    expect(await viewFiles(host, spec)).toEqual({ kind: 'intact' });
  },
);

it('before there is a spec nobody can tell', async () => {
  expect(await viewFiles(host, undefined)).toMatchObject({ kind: 'unknown' });
});
