import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Headers, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { elfArchitecture } from './elf.js';
import { UnpackError, unpackEtcd, unpackLimits } from './unpack.js';

let home: string;
let into: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'unpack-'));
  into = join(home, 'into');
  mkdirSync(into);
});
afterEach(() => rmSync(home, { recursive: true }));

type Entry = readonly [header: Headers, content?: string];

/** A .tar.gz with these entries, as a file. */
async function archive(...entries: Entry[]): Promise<string> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return file(gzipSync(Buffer.concat(chunks)));
}

function file(bytes: Uint8Array): string {
  const path = join(home, 'sent');
  writeFileSync(path, bytes);
  return path;
}

/** Why it was refused. */
async function refusal(path: string, limits = unpackLimits): Promise<string> {
  const error = await unpackEtcd(path, into, limits).then(
    (names) => new Error(`unpacked ${names.join()}`),
    (thrown: unknown) => thrown as Error,
  );
  expect(error).toBeInstanceOf(UnpackError);
  return error.message;
}

const release: readonly Entry[] = [
  [{ name: 'etcd-v3.5.30-linux-amd64/', type: 'directory' }],
  [{ name: 'etcd-v3.5.30-linux-amd64/README.md' }, 'read me'],
  [{ name: 'etcd-v3.5.30-linux-amd64/etcdutl', mode: 0o755 }, 'utl'],
  [{ name: 'etcd-v3.5.30-linux-amd64/Documentation/etcd/', type: 'directory' }],
  [{ name: 'etcd-v3.5.30-linux-amd64/etcd', mode: 0o4777, uid: 7 }, 'server'],
  [{ name: 'etcd-v3.5.30-linux-amd64/latest', type: 'symlink', linkname: '/etc/shadow' }],
  [{ name: 'etcd-v3.5.30-linux-amd64/etcdctl' }, 'ctl'],
];

describe('an archive of etcd', () => {
  it('gives the three programs, 0755, and nothing else that is in it', async () => {
    expect([...(await unpackEtcd(await archive(...release), into))].sort()).toEqual([
      'etcd',
      'etcdctl',
      'etcdutl',
    ]);
    expect(readdirSync(into).sort()).toEqual(['etcd', 'etcdctl', 'etcdutl']);
    expect(readFileSync(join(into, 'etcd'), 'utf8')).toBe('server');
    expect(statSync(join(into, 'etcd')).mode & 0o7777).toBe(0o755);
  });

  it('may have no etcdutl, as those of 3.4 have not, and be flat', async () => {
    expect(
      await unpackEtcd(await archive([{ name: './etcd' }, 'x'], [{ name: 'etcdctl' }, 'y']), into),
    ).toEqual(['etcd', 'etcdctl']);
  });

  it('made by GNU tar is read, long names included', async () => {
    const directory = join(home, 'etcd-'.padEnd(120, 'x'));
    mkdirSync(directory);
    writeFileSync(join(directory, 'etcd'), 'gnu');
    execFileSync('tar', ['-czf', join(home, 'gnu'), '-C', home, directory.slice(home.length + 1)]);
    await unpackEtcd(join(home, 'gnu'), into);
    expect(readFileSync(join(into, 'etcd'), 'utf8')).toBe('gnu');
  });
});

describe('a hostile or wrong file', () => {
  it.each<[string, Entry[], RegExp]>([
    ['climbs out', [[{ name: '../../usr/bin/etcd' }, 'x']], /an entry called "\.\.\/\.\.\/usr/],
    ['climbs out in the middle', [[{ name: 'a/../../etcd' }, 'x']], /an entry called/],
    ['names an absolute path', [[{ name: '/usr/bin/etcd' }, 'x']], /an entry called "\/usr/],
    [
      'climbs out with what is passed over',
      [
        [{ name: 'etcd' }, 'x'],
        [{ name: '../README' }, 'x'],
      ],
      /called/,
    ],
    [
      'has a symbolic link for etcd',
      [[{ name: 'a/etcd', type: 'symlink', linkname: '/bin/sh' }]],
      /a symlink, not/,
    ],
    ['has a hard link for etcd', [[{ name: 'etcd', type: 'link', linkname: '/bin/sh' }]], /a link, not/],
    ['has a device for etcd', [[{ name: 'etcd', type: 'character-device' }]], /a character-device, not/],
    ['has a pipe for etcdctl', [[{ name: 'etcd' }, 'x'], [{ name: 'etcdctl', type: 'fifo' }]], /a fifo, not/],
    [
      'has two etcds',
      [
        [{ name: 'a/etcd' }, 'x'],
        [{ name: 'b/etcd' }, 'y'],
      ],
      /two programs called etcd/,
    ],
    ['has no etcd', [[{ name: 'etcdctl' }, 'x']], /there is no etcd in it/],
    ['is empty', [], /there is no etcd in it/],
  ])('that %s is refused', async (_what, entries, why) => {
    expect(await refusal(await archive(...entries))).toMatch(why);
  });

  it('with a program above the bound is refused by its header, before a byte of it is written', async () => {
    const path = await archive([{ name: 'etcd' }, 'x'.repeat(2_000)]);
    expect(await refusal(path, { ...unpackLimits, programBytesMax: 1_999 })).toMatch(
      /has 2000 bytes, more than/,
    );
    expect(readdirSync(into)).toEqual([]);
  });

  it('that unpacks to more than the bound, a bomb, is given up on the way', async () => {
    const path = await archive([{ name: 'README' }, '\0'.repeat(5_000_000)], [{ name: 'etcd' }, 'x']);
    expect(statSync(path).size).toBeLessThan(20_000);
    expect(await refusal(path, { ...unpackLimits, archiveBytesMax: 1_000_000 })).toMatch(
      /more than 1000000 bytes/,
    );
  });

  it('with too many entries is given up', async () => {
    const many = Array.from({ length: 30 }, (_, index): Entry => [{ name: `doc/${index}` }, '']);
    expect(await refusal(await archive(...many), { ...unpackLimits, entriesMax: 20 })).toMatch(
      /more than 20 entries/,
    );
  });

  it.each([
    ['nothing', ''],
    ['a web page', '<!DOCTYPE html><title>404</title>'],
    ['a zip', 'PK\u0003\u0004 something'],
    ['a script', '#!/bin/sh\nexit 0\n'],
  ])('that is %s is refused', async (_what, text) => {
    expect(await refusal(file(Buffer.from(text)))).toMatch(/neither a \.tar\.gz nor a program/);
  });

  it('cut anywhere, or with a byte changed, is refused or gives the programs as they were', async () => {
    const whole = readFileSync(await archive(...release));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.boolean(),
        fc.integer({ min: 1, max: 255 }),
        async (at, cut, flip) => {
          const bytes = Buffer.from(cut ? whole.subarray(0, at) : whole);
          if (!cut) bytes[at]! ^= flip;
          rmSync(into, { recursive: true });
          mkdirSync(into);
          const names = await unpackEtcd(file(bytes), into).catch((error: unknown) => {
            expect(error).toBeInstanceOf(UnpackError);
            return [];
          });
          if (names.length > 0) expect(readFileSync(join(into, 'etcd'), 'utf8')).toBe('server');
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a bare program', () => {
  it('is taken for etcd, and its architecture read from its head', async () => {
    const node = readFileSync(process.execPath).subarray(0, 4_096);
    expect(await unpackEtcd(file(node), into)).toEqual(['etcd']);
    expect(elfArchitecture(readFileSync(join(into, 'etcd')))).toBe(process.arch);
  });

  it('of another processor is known as such', () => {
    const head = Buffer.alloc(20);
    head.write('\x7fELF\x02\x01', 'latin1');
    head.writeUInt16LE(0xb7, 18);
    expect(elfArchitecture(head)).toBe('arm64');
    head[5] = 2;
    head.writeUInt16BE(0x16, 18);
    expect(elfArchitecture(head)).toBe('s390x');
    expect(elfArchitecture(head.subarray(0, 19))).toBeUndefined();
  });
});
