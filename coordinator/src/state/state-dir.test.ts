/** The state directory: private, never overwritten, never guessed. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Failure } from '../failure.js';
import { StateDir, stateDirPath } from './state-dir.js';

const made: string[] = [];
async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'state-dir-'));
  made.push(dir);
  return dir;
}
afterAll(() => Promise.all(made.map((dir) => rm(dir, { recursive: true, force: true }))));

async function failure(act: Promise<unknown>): Promise<Failure> {
  const outcome = await act.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  if (outcome instanceof Failure) return outcome;
  throw new Error(String(outcome));
}

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('a state directory', () => {
  it('is private, and so is every file in it, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const dir = join(await scratch(), 'state');
      const { state } = await StateDir.create(dir, 'test');
      await state.makeDirectory('ca');
      await state.write('x', 'ca', 'key.pem');
      await state.append('y', 'audit.jsonl');
      await state.writeJson({}, 'bootstrap.json');
      expect(await modeOf(dir)).toBe('700');
      expect(await modeOf(join(dir, 'ca'))).toBe('700');
      for (const name of ['ca/key.pem', 'audit.jsonl', 'bootstrap.json'])
        expect(await modeOf(join(dir, name))).toBe('600');
    } finally {
      process.umask(before);
    }
  });

  it('that was there before, empty and open to all, is made private', async () => {
    const dir = await scratch();
    await chmod(dir, 0o755);
    await StateDir.create(dir, 'test');
    expect(await modeOf(dir)).toBe('700');
  });

  it('that holds other things is refused, and they stay', async () => {
    const dir = await scratch();
    await writeFile(join(dir, 'thesis.tex'), 'years of work');
    const { exitCode, parts } = await failure(StateDir.create(dir, 'test'));
    expect([exitCode, parts.what]).toEqual([6, `${dir} is not an empty directory`]);
    expect(await readdir(dir)).toEqual(['thesis.tex']);
  });

  it('that already holds a cluster is refused: its CA keys are never overwritten', async () => {
    const dir = await scratch();
    await writeFile(join(dir, 'cluster.yaml'), 'name: c1\n');
    await mkdir(join(dir, 'ca'));
    const { exitCode, parts } = await failure(StateDir.create(dir, 'test'));
    expect([exitCode, parts.what]).toEqual([6, `${dir} already holds the state of a cluster`]);
  });

  it('that is a file is refused', async () => {
    const file = join(await scratch(), 'file');
    await writeFile(file, '');
    expect((await failure(StateDir.create(file, 'test'))).exitCode).toBe(6);
  });

  it('that an interrupted init left is taken, and what it left is moved aside, not deleted', async () => {
    const dir = await scratch();
    await mkdir(join(dir, 'ca'));
    await writeFile(join(dir, 'ca', 'etcd-root-ca-key.pem'), 'half');
    await StateDir.create(dir, 'test');
    const [aside, ...more] = (await readdir(dir)).filter((name) => name !== 'lock.1');
    expect(more).toEqual([]);
    expect(aside).toMatch(/^unfinished-/);
    expect(await readFile(join(dir, aside!, 'ca', 'etcd-root-ca-key.pem'), 'utf8')).toBe('half');
  });

  it.each(['.bashrc', '.lock.notes', '.cluster.yaml.swp'])(
    'with nothing but %s in it is of somebody else: refused, its mode as it was',
    async (name) => {
      const dir = await scratch();
      await chmod(dir, 0o755);
      await writeFile(join(dir, name), '');
      expect((await failure(StateDir.create(dir, 'test'))).exitCode).toBe(6);
      expect([await modeOf(dir), await readdir(dir)]).toEqual(['755', [name]]);
    },
  );

  it('that two make at once is made by one; the other is told who, and moves nothing of it', async () => {
    const dir = join(await scratch(), 'state');
    const first = await StateDir.create(dir, 'coordinator init');
    await first.state.makeDirectory('ca');
    const { exitCode, parts } = await failure(StateDir.create(dir, 'coordinator init'));
    expect([exitCode, parts.what]).toEqual([
      6,
      `another coordinator (process ${process.pid}: coordinator init) is changing ${dir}`,
    ]);
    expect(await readdir(dir)).toEqual(['ca', 'lock.1']);
    await first.lock.release();
  });

  it('that many find half made at once is taken by one of them', async () => {
    const dir = await scratch();
    await mkdir(join(dir, 'ca'));
    await writeFile(join(dir, 'ca', 'etcd-root-ca-key.pem'), 'half');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => StateDir.create(dir, 'coordinator init')),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ exitCode: 6 });
  });

  it('that is not there is told with both ways on, and exits 2', async () => {
    const { exitCode, parts } = await failure(StateDir.open('/nowhere/state'));
    expect(exitCode).toBe(2);
    expect(parts.what).toBe('there is no coordinator state in /nowhere/state');
    expect(parts.next).toMatch(/coordinator init -f .*--state DIR/);
  });

  it('with a damaged record is never guessed from', async () => {
    const dir = await scratch();
    const { state } = await StateDir.create(dir, 'test');
    for (const text of ['', '{', '{"a": 1}', '{"a": "x", "b": 1}']) {
      await state.write(text, 'bootstrap.json');
      const { exitCode, parts } = await failure(
        state.json(z.strictObject({ a: z.string() }), 'bootstrap.json'),
      );
      expect(exitCode).toBe(1);
      expect(parts.what).toBe(`${dir}/bootstrap.json is damaged`);
      expect(parts.next).toMatch(/backup/);
    }
  });

  it('is changed by one coordinator at a time, and the second is told who has it', async () => {
    const { state, lock } = await StateDir.create(await scratch(), 'coordinator bootstrap');
    const { exitCode, parts } = await failure(state.lock('coordinator token'));
    expect(exitCode).toBe(6);
    expect(parts.what).toContain(`process ${process.pid}: coordinator bootstrap`);
    await lock.release();
    await (await state.lock('coordinator token')).release();
  });
});

it('the state directory is the one named by the flag, then by the environment, then the usual one', () => {
  const environment = { COORDINATOR_STATE: '/e', XDG_STATE_HOME: '/xdg' };
  expect(stateDirPath('/f', environment)).toBe('/f');
  expect(stateDirPath(undefined, environment)).toBe('/e');
  const usual = process.getuid?.() === 0 ? '/var/lib/etcd-coordinator' : '/xdg/etcd-coordinator';
  expect(stateDirPath(undefined, { XDG_STATE_HOME: '/xdg' })).toBe(usual);
  expect(stateDirPath(undefined, { XDG_STATE_HOME: '/xdg', COORDINATOR_STATE: '' })).toBe(usual);
});
