import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectKeys } from './etcd3-keys.js';
import { connectRoom } from './etcd3-room.js';
import type { KeyClient } from './key-client.js';
import { compareKeys, foreignRanges, prefixRange } from './key-range.js';
import { makeCertificates } from './real-etcd/certificates.js';
import { callDeadlineMs as deadlineMs, type RealMember, startCluster } from './real-etcd/cluster.js';
import type { RoomClient } from './room-client.js';

const root = mkdtempSync(join(tmpdir(), 'real-etcd-keys-'));
const certificates = makeCertificates(root);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Keys of bytes that no text has; `a` followed by ff is where the end of a prefix carries over. */
const odd = [
  '61',
  '61ff',
  '61ff00',
  '61ffff',
  '62',
  'ff',
  'ffff',
  '00',
  '0061',
  '2f657463642d6167656e742f78',
  '2f657463642d6167656e7430',
].map((hex) => Buffer.from(hex, 'hex'));

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.5.30'])('the keys of real etcd %s', (version) => {
  let members: RealMember[] = [];
  let keys: KeyClient;
  let room: RoomClient;

  beforeAll(async () => {
    members = await startCluster(version, 1, join(root, version), certificates);
    const endpoint = members[0]!.settings.advertiseClientURLs[0]!;
    const connection = { endpoint, ...certificates.client, deadlineMs };
    keys = await connectKeys({ ...connection, answerBytesMax: 64 * 1024 });
    room = await connectRoom(connection);
  });
  afterAll(async () => {
    keys.close();
    room.close();
    await Promise.all(members.map((member) => member.end()));
  });

  const everything = prefixRange(Buffer.alloc(0));
  const pageOf = async (prefix: string) => {
    const page = await keys.page(prefixRange(Buffer.from(prefix, 'hex')), 100, '0');
    return page.keys.map(({ key }) => Buffer.from(key).toString('hex'));
  };

  it('are counted, paged in order, read and deleted by bytes, empty values too', async () => {
    for (const key of odd)
      await put(members[0]!, key, key.length === 1 ? Buffer.alloc(0) : Buffer.of(0, 0xff));
    expect(await pageOf('')).toEqual([...odd].sort(compareKeys).map((key) => key.toString('hex')));
    expect(await pageOf('61')).toEqual(['61', '61ff', '61ff00', '61ffff']);
    expect(await pageOf('61ff')).toEqual(['61ff', '61ff00', '61ffff']);
    expect(await pageOf('ff')).toEqual(['ff', 'ffff']);
    const { count, revision } = await keys.count(everything, '0');
    expect(count).toBe(odd.length);
    const first = await keys.page(everything, 2, revision);
    expect({ keys: first.keys.length, count: first.count }).toEqual({ keys: 2, count: odd.length });
    expect(first.keys[0]).toMatchObject({ version: '1', lease: '0' });
    expect([...(await keys.read(Buffer.of(0xff)))!.value]).toEqual([]);
    expect([...(await keys.read(Buffer.of(0xff, 0xff)))!.value]).toEqual([0, 0xff]);
    expect(await keys.read(Buffer.of(0x63))).toBeUndefined();
    expect(await keys.deleteRange(prefixRange(Buffer.of(0x61, 0xff)))).toMatchObject({ deleted: 3 });
    expect(await pageOf('61')).toEqual(['61']);
    for (const range of foreignRanges([everything])) await keys.deleteRange(range);
    expect(await pageOf('')).toEqual(['2f657463642d6167656e742f78']);
    // As of then they are all still there.
    expect((await keys.count(everything, revision)).count).toBe(odd.length);
  });

  it('are refused in one piece where they are longer than an answer may be', async () => {
    const long = Buffer.alloc(40 * 1024, 'k');
    for (const tail of ['1', '2'])
      await put(members[0]!, Buffer.concat([long, Buffer.from(tail)]), Buffer.alloc(0));
    const range = prefixRange(long);
    await expect(keys.page(range, 2, '0')).rejects.toMatchObject({ kind: 'tooLarge' });
    expect((await keys.page(range, 1, '0')).keys).toHaveLength(1);
    await keys.deleteRange(range);
  });

  it('leave gaps that compaction and defragmentation give back', async () => {
    for (let at = 0; at < 40; at += 1)
      await put(members[0]!, Buffer.from('big'), Buffer.alloc(256 * 1024, at));
    const before = await room.sizes();
    const { revision } = await keys.count(everything, '0');
    await expect(room.compact(String(Number(revision) + 1), deadlineMs)).rejects.toMatchObject({
      kind: 'futureRevision',
    });
    await room.compact(revision, deadlineMs);
    await expect(room.compact(revision, deadlineMs)).rejects.toMatchObject({ kind: 'compacted' });
    await expect(keys.count(everything, '1')).rejects.toMatchObject({ kind: 'compacted' });
    // It writes the whole database anew, and waits for the disk.
    await room.defragment(60_000);
    const after = await room.sizes();
    expect(before.fileBytes).toBeGreaterThan(8 * 1024 * 1024);
    expect(after.fileBytes).toBeLessThan(before.fileBytes / 4);
    if (version.startsWith('3.3.')) expect(after.usedBytes).toBeUndefined();
    else expect(after.usedBytes).toBeLessThanOrEqual(after.fileBytes);
  });
});

/** The admin client writes text only. */
async function put({ settings }: RealMember, key: Buffer, value: Buffer): Promise<void> {
  const { Etcd3 } = (await import('etcd3')).default;
  const { ca, cert, key: privateKey } = certificates.client;
  const credentials = {
    rootCertificate: Buffer.from(ca),
    certChain: Buffer.from(cert),
    privateKey: Buffer.from(privateKey),
  };
  const client = new Etcd3({ hosts: settings.advertiseClientURLs[0]!, credentials });
  try {
    await client.put(key).value(value).exec();
  } finally {
    client.close();
  }
}
