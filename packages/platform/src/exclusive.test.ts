import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { acquireExclusive, exclusiveHolder, HeldError } from './exclusive.js';
import { processIdentity } from './processes.js';
import { removeTranspiledSources, runChildProgram } from './testing/child-program.js';
import { temporaryDirectory } from './testing/scratch.js';

afterAll(removeTranspiledSources);

const holder = `
  import { acquireExclusive } from './exclusive.js';
  const lock = await acquireExclusive(process.argv[2], 'bootstrap of etcd-cluster');
  console.log('held');
  setInterval(() => undefined, 1000);
`;

test('a lock held by another process is refused with its pid, since when and what for', async () => {
  const path = join(temporaryDirectory(), 'lock');
  const child = runChildProgram(holder, [path]);
  await child.line();
  const error = await acquireExclusive(path, 'mine').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HeldError);
  expect(error).toMatchObject({ path, holderPid: child.pid, purpose: 'bootstrap of etcd-cluster' });
  expect(Date.now() - (error as HeldError).since.getTime()).toBeLessThan(60_000);
});

test('looking tells who holds the lock and leaves nothing behind, so that a taker never fails for it', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'lock');
  expect(await exclusiveHolder(join(directory, 'nowhere', 'lock'))).toBeUndefined();
  expect(await exclusiveHolder(path)).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
  const lock = await acquireExclusive(path, 'mine');
  const holder = await exclusiveHolder(path);
  expect(holder).toMatchObject({ pid: process.pid, purpose: 'mine' });
  expect(Date.now() - holder!.since.getTime()).toBeLessThan(60_000);
  await lock.release();
  expect(await exclusiveHolder(path)).toBeUndefined();
  expect(readdirSync(directory)).toEqual(['lock.1']);
});

test('looking at the lock of a killed process finds nobody; at a file that is not ours it says so', async () => {
  const path = join(temporaryDirectory(), 'lock');
  const child = runChildProgram(holder, [path]);
  await child.line();
  expect(await exclusiveHolder(path)).toMatchObject({ pid: child.pid });
  await child.kill();
  expect(await exclusiveHolder(path)).toBeUndefined();
  writeFileSync(`${path}.9`, 'precious');
  await expect(exclusiveHolder(path)).rejects.toMatchObject({ name: 'FileError', code: 'EBADMSG' });
});

test('the lock of a killed process is free at once, without anybody cleaning up', async () => {
  const path = join(temporaryDirectory(), 'lock');
  const child = runChildProgram(holder, [path]);
  await child.line();
  await child.kill();
  const lock = await acquireExclusive(path, 'mine');
  await expect(acquireExclusive(path, 'again')).rejects.toMatchObject({
    holderPid: process.pid,
    purpose: 'mine',
  });
  await lock.release();
});

test('a released lock can be taken again; a late second release does not free the new holder', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'lock');
  const first = await acquireExclusive(path, 'first');
  await first.release();
  const second = await acquireExclusive(path, 'second');
  await first.release();
  await expect(acquireExclusive(path, 'third')).rejects.toThrow('(second)');
  await second.release();
  expect(readdirSync(directory)).toHaveLength(1);
});

test('a lock from before a restart of the host, and one whose pid was reused, are stale', async () => {
  const directory = temporaryDirectory();
  const self = await processIdentity(process.pid);
  if (self.kind === 'gone') {
    throw new Error('it should run');
  }
  const { identity } = self;
  const stale = [
    { ...identity, bootId: 'earlier' },
    { ...identity, startTicks: identity.startTicks - 1 },
  ];
  for (const [index, holder] of stale.entries()) {
    const path = join(directory, `lock-${index}`);
    const content = { holder, since: new Date().toISOString(), purpose: 'x', released: false };
    writeFileSync(`${path}.3`, JSON.stringify(content));
    const lock = await acquireExclusive(path, 'mine');
    expect(JSON.parse(readFileSync(`${path}.4`, 'utf8')).purpose).toBe('mine');
    await lock.release();
  }
});

test('a lock file that is not ours is reported and left alone', async () => {
  const path = join(temporaryDirectory(), 'lock');
  writeFileSync(`${path}.1`, 'precious');
  await expect(acquireExclusive(path, 'mine')).rejects.toMatchObject({ name: 'FileError', code: 'EBADMSG' });
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('precious');
});

test('of many that find the same stale lock at once, exactly one gets it', async () => {
  const directory = temporaryDirectory();
  const holder = { pid: 1, startTicks: 1, bootId: 'earlier' };
  const content = JSON.stringify({ holder, since: new Date().toISOString(), purpose: 'x', released: false });
  for (let round = 0; round < 40; round += 1) {
    const path = join(directory, `lock-${round}`);
    writeFileSync(`${path}.1`, content);
    const takers = Array.from({ length: 8 }, async (_, number) => acquireExclusive(path, `taker ${number}`));
    const outcomes = await Promise.allSettled(takers);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      expect(outcome.status === 'fulfilled' || outcome.reason instanceof HeldError).toBe(true);
    }
  }
});

test('of many processes that fight for the lock, some of them killed while they hold it, never two hold it', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'arena'));
  // Each holder claims the witness file; finding a living owner's claim there means that two hold the lock.
  const fighter = `
    import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
    import { acquireExclusive, exclusiveHolder, HeldError } from './exclusive.js';
    import { processIdentity } from './processes.js';
    const [, , lockPath, witness, rounds] = process.argv;
    let taken = 0;
    while (taken < Number(rounds)) {
      let lock;
      try { lock = await acquireExclusive(lockPath, 'fight'); }
      catch (error) {
        if (!(error instanceof HeldError)) { console.log('ERROR ' + error.message); process.exit(); }
        continue;
      }
      try { writeFileSync(witness, String(process.pid), { flag: 'wx' }); }
      catch {
        const owner = Number(readFileSync(witness, 'utf8'));
        // Not kill(pid, 0): it also finds the zombie of a killed holder.
        const alive = (await processIdentity(owner)).kind === 'running';
        if (alive) { console.log('TWO HOLDERS'); process.exit(); }
        writeFileSync(witness, String(process.pid));
      }
      taken += 1;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      if (Math.random() < 0.15) process.kill(process.pid, 'SIGKILL');
      if (readFileSync(witness, 'utf8') !== String(process.pid)) { console.log('TWO HOLDERS'); process.exit(); }
      unlinkSync(witness);
      await lock.release();
    }
    console.log('done');
  `;
  const verdicts: string[] = [];
  const fight = async () => {
    for (let life = 0; life < 4; life += 1) {
      const child = runChildProgram(fighter, [
        join(directory, 'arena', 'lock'),
        join(directory, 'witness'),
        '12',
      ]);
      const line = await child.line().catch(() => 'killed');
      verdicts.push(line);
      await child.kill();
    }
  };
  await Promise.all([fight(), fight(), fight(), fight()]);
  expect(verdicts.filter((line) => line !== 'done' && line !== 'killed')).toEqual([]);
  expect(verdicts).toContain('killed');
});
