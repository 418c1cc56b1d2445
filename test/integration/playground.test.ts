/** A whole cluster on this machine with one command, and nothing of it left after another. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  etcdBinaries,
  expectEnd,
  fingerprint,
  type Outcome,
  processesOf,
  programs,
  runProgram,
  startProgram,
  usualVersion,
  workspace,
} from '../support/index.js';

const { etcd, etcdctl } = etcdBinaries(usualVersion);
let home: string;
let dir: string;

beforeAll(() => {
  home = workspace('playground');
  dir = join(home, 'p');
});

function coordinator(...args: string[]): Promise<Outcome> {
  // A home and a temporary directory of its own: what it writes anywhere else would show there.
  return runProgram(programs.coordinator, args, { env: environment() });
}

function environment(): Record<string, string> {
  mkdirSync(join(home, 'tmp'), { recursive: true });
  return { ETCD_BIN: etcd, HOME: home, TMPDIR: join(home, 'tmp') };
}

async function ctl(...args: string[]): Promise<Outcome> {
  const { stdout } = await coordinator('--state', join(dir, 'coordinator'), '-o', 'json', 'env');
  const { variables } = JSON.parse(stdout) as { variables: Record<string, string> };
  return runProgram(etcdctl, args, { env: variables, timeoutMs: 20_000 });
}

describe('playground', () => {
  test('up --detach returns with a healthy cluster, all of it under its directory', async () => {
    const outcome = await coordinator('playground', 'up', '--detach', '--dir', dir);
    expectEnd(outcome, 0, 'playground down --dir');
    expect(outcome.stdout.match(/is healthy/g)).toHaveLength(3);
    expect((await ctl('put', 'kept', 'through everything')).code).toBe(0);
    expect(readdirSync(home).sort()).toEqual(['p', 'tmp']);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    expect(processesOf(dir)).toHaveLength(6);
  });

  test('up again on a running one changes no process', async () => {
    const before = pids();
    expectEnd(await coordinator('playground', 'up', '--detach', '--dir', dir), 0);
    expect(pids()).toEqual(before);
  });

  test('status shows it, as every other command does with --state', async () => {
    const outcome = await coordinator('playground', 'status', '--dir', dir, '-o', 'json');
    expectEnd(outcome, 0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      kind: 'PlaygroundStatus',
      quorum: { voters: 3, healthy: 3, tolerates: 1 },
    });
    expectEnd(await coordinator('--state', join(dir, 'coordinator'), 'health'), 0);
  });

  test('down --keep stops every process; up goes on with the same data', async () => {
    expectEnd(await coordinator('playground', 'down', '--keep', '--dir', dir), 0);
    expect(processesOf(dir)).toEqual([]);
    const stopped = await coordinator('playground', 'status', '--dir', dir);
    expectEnd(stopped, 5, 'agents that do not run: etcd0, etcd1, etcd2');
    expectEnd(await coordinator('playground', 'up', '--detach', '--dir', dir), 0);
    expect((await ctl('get', 'kept', '--print-value-only')).stdout).toBe('through everything\n');
  });

  test('down removes the directory and leaves no process', async () => {
    expectEnd(await coordinator('playground', 'down', '--dir', dir), 0);
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(dir)).toBe(false);
    expectEnd(await coordinator('playground', 'down', '--dir', dir), 1, 'there is no playground');
  });

  test('a directory that is no playground is refused by up and by down, and left as it is', async () => {
    const other = join(home, 'documents');
    mkdirSync(other);
    writeFileSync(join(other, 'thesis.txt'), 'years of work');
    const before = fingerprint(other);
    for (const command of ['up', 'down', 'status']) {
      expectEnd(await coordinator('playground', command, '--dir', other), 6, 'is not a playground');
    }
    // A mark that somebody else wrote is no mark.
    writeFileSync(join(other, 'playground.json'), '{}');
    expectEnd(await coordinator('playground', 'down', '--dir', other), 6, 'is not a playground');
    expect(readFileSync(join(other, 'thesis.txt'), 'utf8')).toBe('years of work');
    expect(fingerprint(other).filter((line) => line.startsWith('thesis'))).toEqual(
      before.filter((line) => line.startsWith('thesis')),
    );
  });

  /** `playground up` with Ctrl-C at the first line that begins so. */
  async function upUntil(line: string, ...args: string[]): Promise<Outcome> {
    const all = ['playground', 'up', '--nodes', '1', '--dir', dir, ...args];
    const running = startProgram(programs.coordinator, all, { env: environment() });
    let pressed = false;
    running.onLine((each) => {
      if (pressed || !each.startsWith(line)) return;
      pressed = true;
      running.kill('SIGINT');
    });
    return running.ended;
  }

  test('in the foreground it serves until Ctrl-C, then everything is gone; json is one document', async () => {
    const outcome = await upUntil('Ctrl-C stops and removes it', '-o', 'json');
    expectEnd(outcome, 0, 'Stopped 1 nodes and removed');
    expect(JSON.parse(outcome.stdout)).toMatchObject({ kind: 'Playground' });
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(dir)).toBe(false);
  });

  test.each(['Make the CAs', 'Start 1 agents', 'Wait until all members'])(
    'interrupted at "%s" in the foreground it ends with 130 and leaves nothing',
    async (phase) => {
      expectEnd(await upUntil(phase), 130, 'everything was stopped and removed');
      expect(processesOf(dir)).toEqual([]);
      expect(existsSync(dir)).toBe(false);
    },
  );

  test('interrupted with --detach it stops what it started and keeps the directory', async () => {
    expectEnd(await upUntil('Start 1 agents', '--detach'), 130, 'is kept', `playground up --dir ${dir}`);
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(dir)).toBe(true);
  });

  test('one that was there before is stopped by Ctrl-C and keeps its data', async () => {
    expectEnd(await coordinator('playground', 'up', '--detach', '--dir', dir), 0);
    expect((await ctl('put', 'kept', 'again')).code).toBe(0);
    expectEnd(await coordinator('playground', 'down', '--keep', '--dir', dir), 0);
    expectEnd(await upUntil('Start etcd', '--nodes', '1'), 130, 'is kept');
    expectEnd(await upUntil('Ctrl-C stops it and keeps its data'), 0, 'is kept');
    expect(processesOf(dir)).toEqual([]);
    expectEnd(await coordinator('playground', 'up', '--detach', '--dir', dir), 0);
    expect((await ctl('get', 'kept', '--print-value-only')).stdout).toBe('again\n');
    expectEnd(await coordinator('playground', 'down', '--dir', dir), 0);
  });

  test('an etcd that is not there is a usage error that says how to name one', async () => {
    const outcome = await coordinator('playground', 'up', '--etcd', join(home, 'no-etcd'), '--dir', dir);
    expectEnd(outcome, 2, 'no-etcd', '--etcd PATH');
    expect(existsSync(dir)).toBe(false);
  });
});

describe('demo', () => {
  afterAll(() => {
    expect(processesOf(home)).toEqual([]);
  });

  test('writes a key through one member, reads it through another, ends with 0 and leaves nothing', async () => {
    const outcome = await coordinator('playground', 'demo');
    expectEnd(outcome, 0, 'Everything was stopped and removed.');
    expect(outcome.stdout).toMatch(/wrote hello = \S+ through etcd0, read it through etcd2/);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    expect(processesOf(join(home, 'tmp'))).toEqual([]);
  });

  test.each(['Start 3 agents', 'Certify ', 'Wait until all members'])(
    'interrupted at "%s" it ends with 130 and leaves nothing',
    async (phase) => {
      const running = startProgram(programs.coordinator, ['playground', 'demo'], { env: environment() });
      running.onLine((line) => {
        if (line.startsWith(phase) && line.endsWith(' ...')) running.kill('SIGINT');
      });
      expectEnd(await running.ended, 130, 'interrupted');
      expect(readdirSync(join(home, 'tmp'))).toEqual([]);
      expect(processesOf(home)).toEqual([]);
    },
  );
});

function pids(): number[] {
  return processesOf(dir)
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);
}
