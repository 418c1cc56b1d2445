import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { uninterruptible, waitingForDisk } from './disk-wait.js';
import { temporaryDirectory } from './testing/scratch.js';

/** A /proc with these threads: `pid/tid` → state, children. */
function procWith(threads: Readonly<Record<string, readonly [stat: string, children?: string]>>): string {
  const proc = temporaryDirectory();
  for (const [id, [stat, children]] of Object.entries(threads)) {
    const [pid, thread] = id.split('/') as [string, string];
    const task = join(proc, pid, 'task', thread);
    mkdirSync(task, { recursive: true });
    writeFileSync(join(task, 'stat'), `${thread} ${stat} 1 1 1 0 -1\n`);
    if (children !== undefined) writeFileSync(join(task, 'children'), children);
  }
  return proc;
}

test('a thread or a program of ours that no signal ends is found', () => {
  const calm = { '7/7': ['(node) S', '8 '], '7/9': ['(libuv-worker) S'], '8/8': ['(etcd) R', ''] } as const;
  expect(waitingForDisk(7, procWith(calm))).toBeUndefined();
  expect(waitingForDisk(7, procWith({ ...calm, '7/9': ['(libuv-worker) D'] }))).toBe('libuv-worker');
  expect(waitingForDisk(7, procWith({ ...calm, '8/8': ['(etcd) D', ''] }))).toBe('etcd');
});

test('a name that looks like a state is not one', () => {
  expect(uninterruptible('7 (x) D ) S 1 1')).toBeUndefined();
  expect(uninterruptible('7 (x) S ) D 1 1')).toBe('x) S ');
  expect(uninterruptible('')).toBeUndefined();
});

test('this process does not wait, and one that is not there neither', () => {
  expect(waitingForDisk(2 ** 30)).toBeUndefined();
});
