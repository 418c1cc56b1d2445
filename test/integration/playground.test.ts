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
  waitFor,
  workspace,
} from '../support/index.js';
import { sampled, thoroughTest } from '../support/thorough.js';

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

  test.each(sampled(['Wait until all members', 'Make the CAs', 'Start 1 agents'], 3))(
    'interrupted at "%s" in the foreground it ends with 130 and leaves nothing',
    async (phase) => {
      let outcome = await upUntil(phase);
      // It may have come to serve, where Ctrl-C ends it as it should; though not again and again.
      for (let again = 1; again <= 4 && outcome.code === 0; again += 1) outcome = await upUntil(phase);
      expectEnd(outcome, 130, 'everything was stopped and removed');
      expect(processesOf(dir)).toEqual([]);
      expect(existsSync(dir)).toBe(false);
    },
  );

  test('interrupted with --detach it stops what it started and keeps the directory', async () => {
    expectEnd(await upUntil('Start 1 agents', '--detach'), 130, 'is kept', `playground up --dir ${dir}`);
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(dir)).toBe(true);
    expectEnd(await coordinator('playground', 'down', '--dir', dir), 0);
    expect(existsSync(dir)).toBe(false);
  });

  thoroughTest('one that was there before is stopped by Ctrl-C and keeps its data', async () => {
    expectEnd(await coordinator('playground', 'up', '--nodes', '1', '--detach', '--dir', dir), 0);
    expect((await ctl('put', 'kept', 'again')).code).toBe(0);
    expectEnd(await coordinator('playground', 'down', '--keep', '--dir', dir), 0);
    expectEnd(await upUntil('Start 1 agents', '--nodes', '1'), 130, 'is kept');
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

interface Demo {
  readonly health: readonly { readonly kind: string }[];
  readonly members: readonly { readonly id: string; readonly name: string; readonly isLeader: boolean }[];
  readonly fault: { readonly memberBefore: string; readonly memberAfter: string };
  readonly writes: {
    readonly acknowledged: number;
    readonly found: number;
    readonly missing: readonly string[];
    readonly longestStallMs: number;
  };
  readonly healMs: number;
}

describe('playground break', () => {
  beforeAll(async () => {
    expectEnd(await coordinator('playground', 'up', '--detach', '--dir', dir), 0);
    expect((await ctl('put', 'kept', 'before all faults')).code).toBe(0);
  });
  afterAll(async () => {
    expect((await ctl('get', 'kept', '--print-value-only')).stdout).toBe('before all faults\n');
    expectEnd(await coordinator('playground', 'down', '--dir', dir), 0);
    expect(processesOf(home)).toEqual([]);
  });

  function breakIt(...args: string[]): Promise<Outcome> {
    return coordinator('playground', 'break', '--dir', dir, ...args);
  }
  const pidOf = (node: string) =>
    processesOf(dir).find(({ dataDir }) => dataDir === join(dir, node, 'data'))?.pid;

  test.each([
    [[], 'no fault was named'],
    [['--kill', '--wipe'], 'one fault at a time'],
  ])('with the faults %j it is a usage error, and nothing is broken', async (faults, words) => {
    const before = pids();
    expectEnd(await breakIt('etcd1', ...faults), 2, words);
    expect(pids()).toEqual(before);
  });

  test('a node that is not of this playground, and a directory that is none, are refused', async () => {
    expectEnd(await breakIt('etcd7', '--kill'), 2, 'etcd0, etcd1, etcd2');
    const nowhere = join(home, 'nowhere');
    expectEnd(
      await coordinator('playground', 'break', 'etcd1', '--kill', '--dir', nowhere),
      1,
      'there is no playground',
    );
  });

  test('--kill: another process runs in its place, with the same member', async () => {
    const before = pidOf('etcd1');
    const outcome = await breakIt('etcd1', '--kill', '-o', 'json');
    expectEnd(outcome, 0, 'is killed', 'is a healthy voter');
    const { memberBefore, memberAfter } = JSON.parse(outcome.stdout);
    expect(memberAfter).toBe(memberBefore);
    expect(pidOf('etcd1')).not.toBe(before);
  });

  test('--wipe of the leader: it comes back as a new member, and its steps are told', async () => {
    const outcome = await breakIt('leader', '--wipe', '-o', 'json');
    expectEnd(outcome, 0, 'the old entry is out of the member list', 'votes again');
    const told = JSON.parse(outcome.stdout);
    expect(told.memberAfter).not.toBe(told.memberBefore);
    expect(told.members.map((member: { id: string }) => member.id)).toContain(told.memberAfter);
    expect(told.story.length).toBeGreaterThan(4);
  });

  thoroughTest('--corrupt: etcd refuses its log, and the member is replaced', async () => {
    const outcome = await breakIt('follower', '--corrupt', '-o', 'json');
    expectEnd(outcome, 0, 'damaged data (walCrc)');
    const { memberBefore, memberAfter } = JSON.parse(outcome.stdout);
    expect(memberAfter).not.toBe(memberBefore);
  });

  thoroughTest('--remove through another member: it rejoins by itself', async () => {
    const outcome = await breakIt('etcd2', '--remove', '-o', 'json');
    expectEnd(outcome, 0, 'was removed by other hands');
    const { memberBefore, memberAfter } = JSON.parse(outcome.stdout);
    expect(memberAfter).not.toBe(memberBefore);
  });

  test('--hang --no-follow returns at once and says how to undo it', async () => {
    const before = pidOf('etcd0');
    const beganMs = performance.now();
    const outcome = await breakIt('etcd0', '--hang', '--no-follow');
    expectEnd(outcome, 0, `kill -CONT ${before}`, 'restarts it after 5s', 'events --node etcd0');
    expect(outcome.stdout).toContain('SIGSTOP');
    process.kill(before!, 'SIGCONT');
    // Later than this its agent may have restarted it, as it says.
    const inTime = performance.now() - beganMs < 5_000;
    await waitFor(
      'a healthy playground',
      async () => (await coordinator('playground', 'status', '--dir', dir)).code === 0,
      20_000,
    );
    if (inTime) expect(pidOf('etcd0')).toBe(before);
  });

  test('Ctrl-C ends the watching, not the repair', async () => {
    const running = startProgram(
      programs.coordinator,
      ['playground', 'break', 'follower', '--wipe', '--dir', dir],
      { env: environment() },
    );
    running.onLine((line) => {
      if (line.includes('all of its data deleted')) running.kill('SIGINT');
    });
    expectEnd(await running.ended, 130, 'no longer watching');
    await waitFor(
      'a healthy playground',
      async () => (await coordinator('playground', 'status', '--dir', dir)).code === 0,
      30_000,
    );
  });
});

describe('demo', () => {
  afterAll(() => {
    expect(processesOf(home)).toEqual([]);
  });

  test('loses a member under load, heals it, finds every acknowledged write, ends with 0 and leaves nothing', async () => {
    const outcome = await coordinator('-o', 'json', 'playground', 'demo');
    expectEnd(
      outcome,
      0,
      'all of its data deleted',
      'is a healthy voter',
      'Everything was stopped and removed.',
    );
    const told = JSON.parse(outcome.stdout) as Demo;
    expect(told.health.map(({ kind }) => kind)).toEqual(['healthy', 'healthy', 'healthy']);
    expect(told.fault.memberAfter).not.toBe(told.fault.memberBefore);
    expect(told.members.map(({ id }) => id)).toContain(told.fault.memberAfter);
    expect(told.members.map(({ id }) => id)).not.toContain(told.fault.memberBefore);
    expect(told.writes.acknowledged).toBeGreaterThan(5);
    expect(told.writes).toMatchObject({ found: told.writes.acknowledged, missing: [] });
    expect(told.healMs).toBeGreaterThan(1_000);
    expect(told.writes.longestStallMs).toBeGreaterThan(0);
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    expect(processesOf(join(home, 'tmp'))).toEqual([]);
  });

  test('with fewer than three members there is nothing that could heal', async () => {
    expectEnd(await coordinator('playground', 'demo', '--nodes', '2'), 2, 'cannot lose a member');
  });

  test('interrupted while a member is being repaired it ends with 130 and leaves nothing', async () => {
    const running = startProgram(programs.coordinator, ['playground', 'demo'], { env: environment() });
    running.onLine((line) => {
      if (line.includes('takes its member out of the cluster')) running.kill('SIGINT');
    });
    expectEnd(await running.ended, 130, 'interrupted');
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    expect(processesOf(home)).toEqual([]);
  });

  // The other phases are those of `playground up`.
  thoroughTest('interrupted while it starts its etcds it ends with 130 and leaves nothing', async () => {
    const running = startProgram(programs.coordinator, ['playground', 'demo'], { env: environment() });
    running.onLine((line) => {
      if (line.startsWith('Wait until all members') && line.endsWith(' ...')) running.kill('SIGINT');
    });
    expectEnd(await running.ended, 130, 'interrupted');
    expect(readdirSync(join(home, 'tmp'))).toEqual([]);
    expect(processesOf(home)).toEqual([]);
  });
});

function pids(): number[] {
  return processesOf(dir)
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);
}
