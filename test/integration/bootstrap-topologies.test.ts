/** One node and five; RSA and P-384; the runbook's three cfssl files: what a topology may say, carried through to etcd. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate } from '@etcd-agent/pki';
import { afterEach, expect, test } from 'vitest';
import { expectEnd, expectWhole, runProgram, type TestCluster, testCluster } from '../support/index.js';
import { thoroughTest } from '../support/thorough.js';

let cluster: TestCluster;
afterEach(() => cluster.close());

test('a single node with ECDSA P-384 keys becomes a healthy cluster of one, and openssl accepts what it shows', async () => {
  cluster = await testCluster({ nodes: 1, pki: '{ key: { algo: ecdsa, size: 384 } }' });
  await cluster.prepare();
  await expectWhole(cluster, await cluster.bootstrap());
  expect(await shownKey(cluster)).toMatch(/384 bit/);
  await expectVerified(cluster);
});

test('a single node with RSA 2048 keys becomes a healthy cluster of one, and openssl accepts what it shows', async () => {
  cluster = await testCluster({ nodes: 1, pki: '{ key: { algo: rsa, size: 2048 } }' });
  await cluster.prepare();
  await expectWhole(cluster, await cluster.bootstrap());
  expect(await shownKey(cluster)).toMatch(/2048 bit/);
  await expectVerified(cluster);
});

thoroughTest('five nodes become one healthy cluster that tolerates two failures', async () => {
  cluster = await testCluster({ nodes: 5 });
  await cluster.prepare();
  await expectWhole(cluster, await cluster.bootstrap());
  const { stdout } = await cluster.must(['status', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({ quorum: { voters: 5, healthy: 5, tolerates: 2 } });
});

test("the runbook's three cfssl files, as they are, give the subject and expiry of every certificate", async () => {
  cluster = await testCluster({
    nodes: 1,
    pki: '{ caCsr: etcd-root-ca-csr.json, csr: etcd-csr.json, config: etcd-gencert.json }',
  });
  // Only the key size differs from the runbook: 4096 bits take seconds each.
  const names = [{ C: 'CN', ST: 'Beijing', L: 'Beijing', O: 'etcd', OU: 'etcd Security' }];
  const key = { algo: 'rsa', size: 2048 };
  write('etcd-root-ca-csr.json', { key, names, CN: 'etcd-root-ca' });
  write('etcd-csr.json', { key, names, CN: 'etcd', hosts: ['127.0.0.1', 'localhost'] });
  const usages = ['signing', 'key encipherment', 'server auth', 'client auth'];
  write('etcd-gencert.json', { signing: { default: { usages, expiry: '87600h' } } });
  await cluster.prepare();
  await expectWhole(cluster, await cluster.bootstrap());

  const { stdout } = await runProgram('openssl', [
    ...['x509', '-noout', '-subject', '-issuer', '-nameopt', 'RFC2253'],
    ...['-in', join(cluster.nodes[0]!.confDir, 'etcd.pem')],
  ]);
  const rest = 'OU=etcd Security,O=etcd,L=Beijing,ST=Beijing,C=CN';
  expect(stdout).toContain(`subject=CN=etcd,${rest}`);
  expect(stdout).toContain(`issuer=CN=etcd-root-ca,${rest}`);
  const { notBefore, notAfter } = readCertificate(pemOf(cluster, 'etcd.pem'));
  expect(Math.round((notAfter.getTime() - notBefore.getTime()) / 3_600_000)).toBe(87_600);
  await expectVerified(cluster);
});

test('a cfssl file that is missing is named before anything is made', async () => {
  cluster = await testCluster({ nodes: 1, pki: '{ csr: nowhere.json }' });
  expectEnd(await cluster.coordinator(['init', '-f', cluster.topologyFile]), 2, 'nowhere.json');
  expect(cluster.record()).toBeUndefined();
});

function write(name: string, value: unknown): void {
  writeFileSync(join(cluster.dir, name), JSON.stringify(value, null, 2));
}

function pemOf({ nodes }: TestCluster, name: string): string {
  return readFileSync(join(nodes[0]!.confDir, name), 'utf8');
}

/** The public key of the server certificate, in openssl's words. */
async function shownKey({ nodes }: TestCluster): Promise<string> {
  const file = join(nodes[0]!.confDir, 'etcd.pem');
  return (await runProgram('openssl', ['x509', '-noout', '-text', '-in', file])).stdout;
}

/** `openssl verify`, for both usages, of what etcd shows to clients and to peers. */
async function expectVerified({ nodes }: TestCluster): Promise<void> {
  const { confDir, address } = nodes[0]!;
  for (const [leaf, ca] of [
    ['etcd.pem', 'etcd-root-ca.pem'],
    ['peer.pem', 'peer-ca.pem'],
  ] as const) {
    for (const purpose of ['sslserver', 'sslclient']) {
      const outcome = await runProgram('openssl', [
        ...['verify', '-x509_strict', '-purpose', purpose, '-verify_ip', address],
        ...['-CAfile', join(confDir, ca), join(confDir, leaf)],
      ]);
      expect(`${outcome.stdout}${outcome.stderr}`).toContain(`${leaf}: OK`);
    }
  }
}
