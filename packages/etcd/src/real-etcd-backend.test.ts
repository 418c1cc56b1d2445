import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBackend, sumBackend } from './backend.js';
import { BoltError, type ReadAt } from './bolt.js';
import { makeCertificates, type TestCertificates } from './real-etcd/certificates.js';
import { newMembers, RealMember, untilHealthy } from './real-etcd/cluster.js';
import { etcdBinary, freePorts } from './real-etcd/processes.js';

const root = mkdtempSync(join(tmpdir(), 'real-etcd-backend-'));
let certificates: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.5.30'])('the database of real etcd %s', (version) => {
  let bytes: Buffer;
  let path = '';
  let told: Awaited<ReturnType<RealMember['admin']['status']>>;
  let member: RealMember;

  beforeAll(async () => {
    const dir = mkdtempSync(join(root, `${version}-`));
    const [settings] = newMembers(await freePorts(2), dir, certificates);
    member = await RealMember.start(version, settings!, certificates);
    await untilHealthy(member.admin);
    for (let at = 0; at < 150; at++) await member.admin.put(`key/${at % 100}`, 'x'.repeat(at * 7));
    // Larger than a page, and a key whose newest revision is that of its end.
    await member.admin.put('large', 'y'.repeat(50_000));
    await member.admin.delete('key/3');
    path = join(settings!.dataDir, 'member', 'snap', 'db');
    await untilWritten(path, (await member.admin.status()).revision);
    told = await member.admin.status();
    await member.kill();
    bytes = readFileSync(path);
  });
  afterAll(() => member.end());

  it('tells revision, raft index, members and cluster version as the running member did', async () => {
    const backend = await readBackend(readAtOf(bytes));
    expect(backend).toMatchObject({
      revision: told.revision,
      clusterVersion: `${version.split('.').slice(0, 2).join('.')}.0`,
      alarms: [],
      members: [
        {
          id: told.memberId,
          name: member.settings.name,
          peerURLs: member.settings.initialAdvertisePeerURLs,
          role: 'voter',
        },
      ],
    });
    expect(Number(backend.consistentIndex)).toBeGreaterThan(150);
    expect(Number(backend.consistentIndex)).toBeLessThanOrEqual(Number(told.raftIndex));
    if (version.startsWith('3.5')) expect(backend.term).toBe(told.raftTerm);
  });

  it('sums up to what its own etcdctl says', async () => {
    const copy = join(root, `${version}.db`);
    copyFileSync(path, copy);
    const status = execFileSync(etcdBinary(version).etcdctl, ['snapshot', 'status', copy, '-w', 'json'], {
      env: { ETCDCTL_API: '3' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { hash, revision, totalKey } = JSON.parse(String(status)) as Record<string, number>;
    expect(await sumBackend(readAtOf(bytes))).toEqual({
      hash,
      revision: String(revision),
      totalKeys: totalKey,
    });
  });

  it('damaged anywhere, is read as another or refused, and never for ever', async () => {
    for (let round = 0; round < 8; round++) {
      const damaged = Buffer.from(bytes);
      for (let at = 0; at < 200; at++)
        damaged[8192 + ((round * 7919 + at * 104_729) % 60_000)] = (round * 31 + at) & 255;
      for (const read of [readBackend, sumBackend]) {
        try {
          await read(readAtOf(damaged));
        } catch (error) {
          if (!(error instanceof BoltError)) throw error;
        }
      }
    }
  });
});

/**
 * Waits until the file has everything. etcd writes it ten times a second and waits for the disk each time; a
 * cluster may agree on its version as late as five seconds after the start.
 */
async function untilWritten(path: string, revision: string): Promise<void> {
  for (const end = performance.now() + 30_000; ; ) {
    // What is read while etcd writes may not fit together.
    const found = await readBackend(readAtOf(readFileSync(path))).catch((error: unknown) => String(error));
    if (typeof found === 'object' && found.revision === revision && found.clusterVersion !== undefined)
      return;
    if (performance.now() > end) {
      throw new Error(`the database lacks something up to revision ${revision}: ${JSON.stringify(found)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function readAtOf(bytes: Uint8Array): ReadAt {
  return async (offset, length) => bytes.subarray(offset, offset + length);
}
