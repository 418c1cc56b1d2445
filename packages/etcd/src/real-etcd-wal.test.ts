import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberStatus } from './admin.js';
import { makeCertificates, type TestCertificates } from './real-etcd/certificates.js';
import { newMembers, RealMember, untilHealthy } from './real-etcd/cluster.js';
import { freePorts } from './real-etcd/processes.js';
import { isWalSegment } from './wal.js';
import { isBehind, type WalTail, WalTailReader } from './wal-tail.js';

const root = mkdtempSync(join(tmpdir(), 'real-etcd-wal-'));
let certificates: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.5.30'])('the WAL of real etcd %s', (text) => {
  let member: RealMember;
  let path = '';
  beforeAll(async () => {
    member = await startAlone(text);
    path = join(member.settings.dataDir, 'member', 'wal');
  });
  afterAll(() => member.end());

  it('ends where the member said it was when it was killed, again and again', async () => {
    for (let round = 0; round < 2; round++) {
      const status = await write(member, 30);
      await member.kill();
      const tail = readWal(path);
      expect(tail).toMatchObject({ kind: 'position', torn: false });
      expectReaches(tail, status);
      member.startAgain();
      await untilHealthy(member.admin);
    }
  });

  it('is corrupt to us when etcd refuses it, and torn when etcd cuts off its end', async () => {
    const status = await write(member, 20);
    await member.kill();
    const [segment] = segmentsOf(path) as [string];
    const sound = readFileSync(segment);
    // The value of the last write is longer than a sector.
    const end = sound.lastIndexOf('xxx') + 2;

    const flipped = Buffer.from(sound);
    flipped[end - 300]! ^= 0x10;
    writeFileSync(segment, flipped);
    expect(readWal(path).kind).toBe('corrupt');
    member.startAgain();
    expect(await member.process.exit(20_000)).not.toBe(0);

    // The last write lost its end to a sector that never reached the disk.
    const torn = Buffer.from(sound);
    torn.fill(0, Math.floor(end / 512) * 512);
    writeFileSync(segment, torn);
    const tail = readWal(path);
    expect(tail).toMatchObject({ kind: 'position', torn: true });
    if (tail.kind === 'position') {
      expect(isBehind(tail, { term: status.raftTerm, index: status.raftIndex })).toBe(true);
      member.startAgain();
      await untilHealthy(member.admin);
      // etcd has gone on from what was read before the tear: it added its own few entries of a new term.
      const after = await member.admin.status();
      expect(Number(after.raftIndex)).toBeGreaterThanOrEqual(Number(tail.lastIndex));
      expect(Number(after.raftIndex)).toBeLessThan(Number(tail.lastIndex) + 5);
    }
  });
});

describe('a WAL of several segments of real etcd 3.5.30', () => {
  it('is read from its last two, right after the newest was cut too', async () => {
    const member = await startAlone('3.5.30');
    try {
      const path = join(member.settings.dataDir, 'member', 'wal');
      const value = 'v'.repeat(900 * 1024);
      for (let writes = 0; segmentsOf(path).length < 2; writes++) {
        expect(writes, 'writes until etcd begins a new segment').toBeLessThan(90);
        await member.admin.put('large', value);
      }
      const status = await member.admin.status();
      await member.kill();
      const started = process.cpuUsage();
      const tail = readWal(path);
      expect(process.cpuUsage(started).user).toBeLessThan(5_000_000);
      expect(tail).toMatchObject({ kind: 'position', torn: false });
      expectReaches(tail, status);
    } finally {
      await member.end();
    }
  });
});

/** One member that is a whole cluster; large enough to write a segment full. */
async function startAlone(version: string): Promise<RealMember> {
  const dir = mkdtempSync(join(root, `${version}-`));
  const [settings] = newMembers(await freePorts(2), dir, certificates);
  const member = await RealMember.start(
    version,
    { ...settings!, quotaBackendBytes: 256 * 1024 * 1024 },
    certificates,
  );
  await untilHealthy(member.admin);
  return member;
}

async function write(member: RealMember, count: number): Promise<MemberStatus> {
  for (let at = 0; at < count; at++) await member.admin.put(`key${at}`, 'x'.repeat(37 * (at + 1)));
  return member.admin.status();
}

function expectReaches(tail: WalTail, status: MemberStatus): void {
  if (tail.kind !== 'position') expect.unreachable(tail.kind);
  expect(isBehind(tail, { term: status.raftTerm, index: status.raftIndex })).toBe(false);
  // Alone and idle, a member has written no more than it said, but for what etcd writes by itself.
  expect(tail.term).toBe(status.raftTerm);
  expect(tail.lastTerm).toBe(status.raftTerm);
  expect(Number(tail.lastIndex) - Number(status.raftIndex)).toBeLessThan(3);
  expect(Number(tail.commit)).toBeLessThanOrEqual(Number(tail.lastIndex));
}

function segmentsOf(path: string): string[] {
  return readdirSync(path)
    .filter(isWalSegment)
    .sort()
    .map((name) => join(path, name));
}

function readWal(path: string): WalTail {
  const reader = new WalTailReader();
  segmentsOf(path)
    .slice(-2)
    .forEach((segment, at) => {
      if (at > 0) reader.nextSegment();
      const bytes = readFileSync(segment);
      for (let from = 0; from < bytes.length; from += portionBytes) {
        reader.feed(bytes.subarray(from, from + portionBytes));
      }
    });
  return reader.end();
}

const portionBytes = 1024 * 1024;
