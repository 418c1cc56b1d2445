/**
 * Whose data is touched, and where a log is damaged: inside a record, where etcd's checksum sees it, and never where nothing
 * was written.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { places } from '../testing/situations.js';
import { middleOf, ownEtcd } from './break-node.js';
import { layout } from './layout.js';

/** A frame of a segment: eight bytes of length, the record, padding to a multiple of eight. */
function frame(record: readonly number[]): number[] {
  const padding = (8 - (record.length % 8)) % 8;
  const flag = padding === 0 ? 0 : 0x80 | padding;
  return [record.length, 0, 0, 0, 0, 0, 0, flag, ...record, ...Array<number>(padding).fill(0)];
}
const unwritten = Array<number>(4_096).fill(0);

describe('the byte of a log that is flipped', () => {
  it('is the last of the record in the middle, however much of the segment is still unwritten', () => {
    const segment = [...frame([1, 2, 3]), ...frame([4, 5, 6, 7, 99]), ...frame([8]), ...unwritten];
    const at = middleOf(Uint8Array.from(segment));
    expect(segment[at!]).toBe(99);
  });

  it('is none where nothing was written', () => {
    expect(middleOf(Uint8Array.from(unwritten))).toBeUndefined();
    expect(middleOf(new Uint8Array())).toBeUndefined();
  });
});

describe('data that is not the playground’s own', () => {
  const dir = mkdtempSync(join(tmpdir(), 'break-node-'));
  const at = layout(dir);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const [place] = places(1);
  const refused = { parts: { exit: 'refused', cause: expect.stringContaining('nothing was touched') } };

  it.each(['/var/lib/etcd', `${at.node('n0')}-other/data`, `${at.node('n0')}/../n1/data`])(
    'at %s is refused',
    async (dataDir) => {
      await expect(ownEtcd(at, { ...place!, dataDir })).rejects.toMatchObject(refused);
    },
  );

  it('behind a symbolic link is refused', async () => {
    mkdirSync(at.node('n0'));
    symlinkSync('/var/lib', `${at.node('n0')}/data`);
    await expect(ownEtcd(at, { ...place!, dataDir: `${at.node('n0')}/data` })).rejects.toMatchObject(refused);
  });
});
