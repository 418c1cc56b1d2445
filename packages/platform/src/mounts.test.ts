/** Which file system a path is on: real-looking mountinfo, and this machine's own. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ioPressure, parseIoPressure } from './facts.js';
import { deviceUuid, fileSystemOf, isWithin, mountAt, parseMountInfo, readMounts } from './mounts.js';
import { temporaryDirectory } from './testing/scratch.js';

const mountInfo = `24 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
25 24 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
30 24 254:16 / /var/lib/etcd rw,noatime shared:20 master:7 - xfs /dev/mapper/vg0-etcd rw,attr2
31 24 254:1 /srv/data /mnt/bind\\040mount rw,relatime shared:1 - ext4 /dev/vda1 rw
32 24 0:51 / /var/lib/containers/merged rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u - odd,workdir=/w
33 24 0:60 / /mnt/back\\134slash\\011tab rw - nfs4 10.0.0.5:/export\\040one rw,vers=4.2
34 24 0:61 / /media/empty-source rw -  rw
35 30 0:62 / /var/lib/etcd rw,relatime - tmpfs tmpfs rw
a broken line
`;

test('mountinfo is read with bind mounts, overlays, optional fields and octal escapes', () => {
  expect(parseMountInfo(mountInfo)).toEqual([
    { device: '254:1', mountPoint: '/', fileSystemType: 'ext4', source: '/dev/vda1' },
    { device: '0:22', mountPoint: '/proc', fileSystemType: 'proc', source: 'proc' },
    { device: '254:16', mountPoint: '/var/lib/etcd', fileSystemType: 'xfs', source: '/dev/mapper/vg0-etcd' },
    { device: '254:1', mountPoint: '/mnt/bind mount', fileSystemType: 'ext4', source: '/dev/vda1' },
    {
      device: '0:51',
      mountPoint: '/var/lib/containers/merged',
      fileSystemType: 'overlay',
      source: 'overlay',
    },
    {
      device: '0:60',
      mountPoint: '/mnt/back\\slash\ttab',
      fileSystemType: 'nfs4',
      source: '10.0.0.5:/export one',
    },
    { device: '0:62', mountPoint: '/var/lib/etcd', fileSystemType: 'tmpfs', source: 'tmpfs' },
  ]);
});

test.each([
  ['/', 'ext4'],
  ['/var/lib/etcdother', 'ext4'],
  ['/mnt/bind mount/x', 'ext4'],
  ['/var/lib/containers/merged/etc', 'overlay'],
  // Mounted over the xfs: what is on top counts.
  ['/var/lib/etcd/member', 'tmpfs'],
])('%s lies on the %s', (path, type) => {
  expect(mountAt(parseMountInfo(mountInfo), path)?.fileSystemType).toBe(type);
});

test('a directory holds itself and what is below it, not what merely begins alike', () => {
  expect(
    [
      ['/a', '/a'],
      ['/a/b', '/a'],
      ['/ab', '/a'],
      ['/a', '/a/b'],
      ['/a', '/'],
    ].map(([path, of]) => isWithin(path!, of!)),
  ).toEqual([true, true, false, false, true]);
});

test('a block device is known by its UUID, through whichever link names it', async () => {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  for (const name of ['dm-0', 'sda1']) writeFileSync(at(name), '');
  mkdirSync(at('by-uuid'));
  symlinkSync('../dm-0', at('by-uuid/8a3e1f0c'));
  symlinkSync('../sda1', at('by-uuid/1111-2222'));
  symlinkSync('../gone', at('by-uuid/0000-dangling'));
  symlinkSync('dm-0', at('vg0-etcd'));
  const mount = { device: '0:0', mountPoint: '/x', fileSystemType: 'xfs' };
  expect(await deviceUuid({ ...mount, source: at('vg0-etcd') }, at('by-uuid'))).toBe('8a3e1f0c');
  expect(await deviceUuid({ ...mount, source: at('sda1') }, at('by-uuid'))).toBe('1111-2222');
  expect(await deviceUuid({ ...mount, source: 'tmpfs' }, at('by-uuid'))).toBeUndefined();
  expect(await deviceUuid({ ...mount, source: at('no-such-device') }, at('by-uuid'))).toBeUndefined();
  expect(await deviceUuid({ ...mount, source: at('sda1') }, at('absent'))).toBeUndefined();
});

test('a path that is not there yet is on the file system of its nearest parent, links followed', async () => {
  const directory = temporaryDirectory();
  const here = await fileSystemOf(directory);
  expect(here.id.startsWith(`${here.mountPoint} `)).toBe(true);
  expect(await fileSystemOf(join(directory, 'not', 'there'))).toEqual(here);
  symlinkSync('/proc/self', join(directory, 'link'));
  expect(await fileSystemOf(join(directory, 'link', 'not-there'))).toEqual({
    id: '/proc proc proc',
    mountPoint: '/proc',
  });
  expect((await readMounts()).map(({ mountPoint }) => mountPoint)).toContain(here.mountPoint);
});

test('how long tasks waited for disks is a percentage, or unknown', async () => {
  const text =
    'some avg10=12.50 avg60=0.14 avg300=0.07 total=1183524\nfull avg10=99.00 avg60=0 avg300=0 total=9\n';
  expect(parseIoPressure(text)).toEqual({ kind: 'known', someAvg10: 12.5 });
  expect(parseIoPressure('')).toEqual({ kind: 'unknown' });
  expect(['known', 'unknown']).toContain((await ioPressure()).kind);
});
