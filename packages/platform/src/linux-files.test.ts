import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { FileError } from './file-error.js';
import { linuxFiles as files } from './linux-files.js';
import { removeTranspiledSources, runChildProgram } from './testing/child-program.js';
import { temporaryDirectory } from './testing/scratch.js';

afterAll(removeTranspiledSources);

const isRoot = process.getuid?.() === 0;

test('a written file has its content and exactly its mode, whatever the umask', async () => {
  const path = join(temporaryDirectory(), 'etcd.conf');
  const before = process.umask(0o077);
  await files.writeAtomic(path, 'one\n', { mode: 0o664 }).finally(() => process.umask(before));
  expect(readFileSync(path, 'utf8')).toBe('one\n');
  expect(statSync(path).mode & 0o7777).toBe(0o664);
  await files.writeAtomic(path, new Uint8Array([0x32]), { mode: 0o600 });
  expect(await files.readText(path)).toBe('2');
  expect(statSync(path).mode & 0o7777).toBe(0o600);
});

test.runIf(isRoot)('a written file and a made directory belong to the owner that was asked for', async () => {
  const directory = join(temporaryDirectory(), 'etc', 'etcd');
  const owner = { uid: 12_345, gid: 54_321 };
  await files.makeDirectory(directory, { mode: 0o750, owner });
  await files.writeAtomic(join(directory, 'key.pem'), 'k', { mode: 0o640, owner });
  expect(await files.stat(directory)).toMatchObject({ kind: 'directory', mode: 0o750, ...owner });
  expect(await files.stat(join(directory, 'key.pem'))).toMatchObject({
    kind: 'file',
    mode: 0o640,
    ...owner,
    size: 1,
  });
});

test('a private file is at no moment readable by others, under its own or a temporary name', async () => {
  const directory = temporaryDirectory();
  const seen = new Set<number>();
  let writing = true;
  const watch = async () => {
    while (writing) {
      for (const name of readdirSync(directory)) {
        const status = lstatSync(join(directory, name), { throwIfNoEntry: false });
        seen.add((status?.mode ?? 0) & 0o077);
      }
      await delay(0);
    }
  };
  const watched = watch();
  for (let round = 0; round < 10; round += 1) {
    await files.writeAtomic(join(directory, 'key.pem'), 'x'.repeat(200_000), { mode: 0o600 });
  }
  writing = false;
  await watched;
  expect([...seen]).toEqual([0]);
});

test('a writer killed at any moment leaves the whole old or the whole new content', async () => {
  const path = join(temporaryDirectory(), 'member.json');
  for (let round = 0; round < 5; round += 1) {
    const writer = runChildProgram(
      `import { linuxFiles } from './linux-files.js';
       const path = process.argv[2];
       for (let n = 0; ; n += 1) {
         await linuxFiles.writeAtomic(path, String(n % 10).repeat(300_000), { mode: 0o600 });
         if (n === 0) console.log('written');
       }`,
      [path],
    );
    await writer.line();
    await delay(Math.random() * 40);
    await writer.kill();
    const text = readFileSync(path, 'utf8');
    expect(text).toBe((text[0] ?? '').repeat(300_000));
  }
});

test('a failed write leaves no temporary file behind', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'taken', 'inner'), { recursive: true });
  await expect(files.writeAtomic(join(directory, 'taken'), 'x', { mode: 0o600 })).rejects.toMatchObject({
    name: 'FileError',
    code: 'EISDIR',
  });
  expect(readdirSync(directory)).toEqual(['taken']);
});

test('what a killed writer left is removed by the next write; what may be in use or is not ours stays', async () => {
  const directory = temporaryDirectory();
  const deadPid = 4_194_304; // Above the kernel's largest pid.
  const old = new Date(Date.now() - 3_600_000);
  const put = (name: string, time: Date) => {
    writeFileSync(join(directory, name), '');
    utimesSync(join(directory, name), time, time);
  };
  const alive = `.a.${process.pid}.0123456789ab.etcd-agent-tmp`;
  const young = `.a.${deadPid}.0123456789ac.etcd-agent-tmp`;
  put(`.a.${deadPid}.0123456789ab.etcd-agent-tmp`, old);
  put(alive, old);
  put(young, new Date());
  put('.a.backup.etcd-agent-tmp', old);
  await files.writeAtomic(join(directory, 'a'), 'x', { mode: 0o600 });
  expect(readdirSync(directory).sort()).toEqual(['.a.backup.etcd-agent-tmp', alive, young, 'a'].sort());
});

test('a line appended after a torn one starts on a line of its own', async () => {
  const path = join(temporaryDirectory(), 'audit.jsonl');
  await files.appendDurable(path, '{"n":1}');
  writeFileSync(path, '{"n":', { flag: 'a' });
  await files.appendDurable(path, '{"n":2}');
  expect(readFileSync(path, 'utf8')).toBe('{"n":1}\n{"n":\n{"n":2}\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(files.appendDurable(path, 'a\nb')).rejects.toMatchObject({ code: 'EINVAL' });
});

test('a move never overwrites, neither a file nor an empty directory', async () => {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  writeFileSync(at('a'), 'a');
  writeFileSync(at('b'), 'b');
  mkdirSync(at('data'));
  writeFileSync(at('data/wal'), 'w');
  mkdirSync(at('empty'));
  await expect(files.move(at('a'), at('b'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(files.move(at('data'), at('empty'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(files.move(at('absent'), at('c'))).rejects.toMatchObject({ code: 'ENOENT', missing: true });
  await files.move(at('a'), at('c'));
  await files.move(at('data'), at('quarantine'));
  expect(await files.list(directory)).toEqual(['b', 'c', 'empty', 'quarantine']);
  expect(readFileSync(at('b'), 'utf8')).toBe('b');
  expect(readFileSync(at('quarantine/wal'), 'utf8')).toBe('w');
});

test('a file move cut in half by a crash is completed by repeating it', async () => {
  const directory = temporaryDirectory();
  const { linkSync } = await import('node:fs');
  writeFileSync(join(directory, 'a'), 'a');
  linkSync(join(directory, 'a'), join(directory, 'b'));
  await files.move(join(directory, 'a'), join(directory, 'b'));
  expect(readdirSync(directory)).toEqual(['b']);
});

test('what is at a path is told apart: nothing, file, directory, link, dangling link, something else', async () => {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  writeFileSync(at('file'), 'abc');
  symlinkSync('file', at('link'));
  symlinkSync('nowhere', at('dangling'));
  expect(await files.stat(at('absent'))).toEqual({ kind: 'missing' });
  expect(await files.stat(at('file/below'))).toEqual({ kind: 'missing' });
  const file = await files.stat(at('file'));
  expect(file).toMatchObject({ kind: 'file', size: 3, link: false });
  expect(await files.stat(at('link'))).toEqual({ ...file, link: true });
  expect(await files.stat(at('dangling'))).toEqual({ kind: 'danglingLink' });
  expect(await files.stat('/dev/null')).toMatchObject({ kind: 'other' });
  expect(await files.exists(at('dangling'))).toBe(true);
  expect(await files.exists(at('absent'))).toBe(false);
});

test('a path behind a closed directory is denied, not missing', async () => {
  const directory = temporaryDirectory();
  const closed = join(directory, 'closed');
  mkdirSync(closed);
  chmodSync(directory, 0o755);
  chmodSync(closed, 0);
  // Root may look everywhere, so a process of its own becomes somebody else first.
  const onlooker = runChildProgram(
    `import { linuxFiles } from './linux-files.js';
     if (process.getuid() === 0) process.seteuid(65534);
     console.log(JSON.stringify(await linuxFiles.stat(process.argv[2])));
     console.log(await linuxFiles.exists(process.argv[2]).catch((error) => error.code));`,
    [join(closed, 'x')],
  );
  expect(JSON.parse(await onlooker.line())).toEqual({ kind: 'denied', code: 'EACCES' });
  expect(await onlooker.line()).toBe('EACCES');
});

test('reading stops at its limit and says so; heads are cut; /proc files are read although they claim size 0', async () => {
  const path = join(temporaryDirectory(), 'big');
  writeFileSync(path, 'x'.repeat(100));
  await expect(files.readText(path, 99)).rejects.toMatchObject({ code: 'EFBIG', path });
  expect(await files.readText(path, 100)).toHaveLength(100);
  expect(await files.readHead(path, 10)).toHaveLength(10);
  expect(await files.readHead(path, 1000)).toHaveLength(100);
  expect(await files.readText('/proc/self/status')).toMatch(/^Name:/);
  const error: unknown = await files.readText(`${path}.absent`).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FileError);
  expect(error).toMatchObject({ missing: true, retryable: false, operation: 'read' });
});

test('making a directory makes its parents, and says whether it was new', async () => {
  const path = join(temporaryDirectory(), 'a', 'b', 'c');
  expect(await files.makeDirectory(path, { mode: 0o750 })).toEqual({ created: true });
  expect(await files.makeDirectory(path, { mode: 0o700 })).toEqual({ created: false });
  expect(await files.stat(path)).toMatchObject({ kind: 'directory', mode: 0o700 });
  expect(await files.stat(join(path, '..'))).toMatchObject({ mode: 0o755 });
});

test('removing is for files only, and twice is fine', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'permit'), '');
  await files.remove(join(directory, 'permit'));
  await files.remove(join(directory, 'permit'));
  expect(existsSync(join(directory, 'permit'))).toBe(false);
  await expect(files.remove(directory)).rejects.toBeInstanceOf(FileError);
  expect(existsSync(directory)).toBe(true);
});

test('free space and sync latency are measured for a directory that does not exist yet, leaving nothing', async () => {
  const directory = temporaryDirectory();
  const future = join(directory, 'not', 'yet');
  expect(await files.freeBytes(future)).toBeGreaterThan(0);
  const latency = await files.measureFsync(future);
  expect(latency.rounds).toBeGreaterThan(0);
  expect(latency.rounds).toBeLessThanOrEqual(15);
  expect(latency.medianMs).toBeGreaterThan(0);
  expect(latency.maxMs).toBeGreaterThanOrEqual(latency.medianMs);
  expect(readdirSync(directory)).toEqual([]);
});

test('a part of a file is read from where it was asked for, and ends where the file ends', async () => {
  const path = join(temporaryDirectory(), 'wal');
  writeFileSync(path, '0123456789');
  const text = async (offset: number, bytes: number) =>
    Buffer.from(await files.readRange(path, offset, bytes)).toString();
  expect(await text(2, 3)).toBe('234');
  expect(await text(8, 1_000_000_000)).toBe('89');
  expect(await text(10, 5)).toBe('');
  expect(await text(99, 5)).toBe('');
  await expect(files.readRange(`${path}.absent`, 0, 1)).rejects.toMatchObject({
    name: 'FileError',
    missing: true,
  });
});

test('the end of a file never holds more bytes than asked for, nor half a character, nor more than the file', async () => {
  const path = join(temporaryDirectory(), 'etcd.log');
  writeFileSync(path, 'a line\nfür €5\n');
  expect(await files.readTail(path, 1_000)).toBe('a line\nfür €5\n');
  const tails = await Promise.all([0, 2, 3, 4, 5, 6].map((bytes) => files.readTail(path, bytes)));
  expect(tails).toEqual(['', '5\n', '5\n', '5\n', '€5\n', ' €5\n']);
  // What is not UTF-8 becomes a longer character; the limit holds all the same.
  writeFileSync(path, Buffer.alloc(100, 0xff));
  expect(Buffer.byteLength(await files.readTail(path, 50))).toBeLessThanOrEqual(50);
});

test('the bytes of a tree are those on the disk, links not followed', async () => {
  const directory = temporaryDirectory();
  const tree = join(directory, 'tree');
  mkdirSync(join(tree, 'snap'), { recursive: true });
  writeFileSync(join(directory, 'outside'), Buffer.alloc(4 * 1024 * 1024, 1));
  symlinkSync(join(directory, 'outside'), join(tree, 'file-link'));
  symlinkSync(directory, join(tree, 'directory-link'));
  const emptyBytes = await files.usedBytes(tree);
  writeFileSync(join(tree, 'snap', 'db'), Buffer.alloc(1024 * 1024, 1));
  const usedBytes = (await files.usedBytes(tree)) - emptyBytes;
  expect(usedBytes).toBeGreaterThanOrEqual(1024 * 1024);
  expect(usedBytes).toBeLessThan(2 * 1024 * 1024);
  expect(emptyBytes).toBeLessThan(1024 * 1024);
  // A hole in a file takes nothing.
  truncateSync(join(tree, 'snap', 'db'), 1024 * 1024 * 1024);
  expect(await files.usedBytes(tree)).toBeLessThan(3 * 1024 * 1024);
  expect(await files.usedBytes(join(tree, 'absent'))).toBe(0);
});

test('a removed tree is gone, and what its links point to is not', async () => {
  const directory = temporaryDirectory();
  const tree = join(directory, 'tree');
  mkdirSync(join(tree, 'member', 'wal'), { recursive: true });
  mkdirSync(join(directory, 'kept'));
  writeFileSync(join(directory, 'kept', 'precious'), '1');
  writeFileSync(join(tree, 'member', 'wal', '0.wal'), '');
  symlinkSync(join(directory, 'kept'), join(tree, 'member', 'link'));
  symlinkSync(join(directory, 'nowhere'), join(tree, 'dangling'));
  chmodSync(join(tree, 'member', 'wal', '0.wal'), 0o400);
  await files.removeTree(tree);
  expect(readdirSync(directory)).toEqual(['kept']);
  expect(readdirSync(join(directory, 'kept'))).toEqual(['precious']);
  await files.removeTree(tree);
  await files.removeTree(join(tree, 'deeper', 'than', 'that'));
  symlinkSync(join(directory, 'kept'), join(directory, 'only-a-link'));
  await files.removeTree(join(directory, 'only-a-link'));
  expect(readdirSync(directory)).toEqual(['kept']);
  expect(readdirSync(join(directory, 'kept'))).toEqual(['precious']);
});

test('no tree near the root, and none with a mount point in it, is removed', async () => {
  for (const path of ['/', '/var', '/var/', '/var/..', '/var/lib/..', 'a/b', '']) {
    await expect(files.removeTree(path), path).rejects.toMatchObject({ name: 'FileError', code: 'EINVAL' });
  }
  const directory = temporaryDirectory();
  // Through a link, a path of two parts and more can mean one of a single part.
  symlinkSync('/', join(directory, 'root'));
  await expect(files.removeTree(join(directory, 'root', 'no-such-directory'))).rejects.toMatchObject({
    code: 'EINVAL',
  });
  expect(existsSync('/dev/pts')).toBe(true);
  await expect(files.removeTree('/dev/pts')).rejects.toMatchObject({ code: 'EBUSY' });
});
