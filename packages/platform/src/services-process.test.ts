/**
 * The process manager with real processes. A shell script stands in for the etcd binary: what is tested is who starts,
 * finds and ends a process, not what etcd does.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { currentBootId, processIdentity, processStat } from './processes.js';
import { restartDelayMs } from './restart-delay.js';
import type { EtcdUnit, ServiceManager, ServiceState } from './services.js';
import { openProcessServices } from './services-process.js';
import { removeTranspiledSources, runChildProgram } from './testing/child-program.js';
import { eventually, temporaryDirectory } from './testing/scratch.js';

afterAll(removeTranspiledSources);

const isRoot = process.getuid?.() === 0;

/**
 * Notes its pid, then behaves as ETCD_BEHAVIOUR says. `polite` notes a SIGTERM at once. `stubborn` has
 * children, and does not listen to SIGTERM. Both note when they are ready for it.
 */
const standIn = `#!/bin/sh
echo $$ >> "$ETCD_STARTS"
env > "$ETCD_STARTS.env"
id -u > "$ETCD_STARTS.uid"
echo "a line for the log"
case "$ETCD_BEHAVIOUR" in
  run) exec sleep 600 ;;
  exit) exit 3 ;;
  polite) trap ': > "$ETCD_STARTS.ended"; exit 0' TERM; : > "$ETCD_STARTS.ready"; while :; do :; done ;;
  stubborn) trap '' TERM; : > "$ETCD_STARTS.ready"; while :; do sleep 0.1; done ;;
esac
`;

function world(behaviour = 'run', given: 'permit' | 'wal' | 'nothing' = 'permit') {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o777);
  const at = (name: string) => join(directory, name);
  writeFileSync(at('etcd'), standIn, { mode: 0o755 });
  writeFileSync(at('etcd.conf'), `ETCD_STARTS="${at('starts')}"\nETCD_BEHAVIOUR="${behaviour}"\n`);
  const unit: EtcdUnit = {
    binary: at('etcd'),
    environmentFile: at('etcd.conf'),
    dataDir: at('data'),
    permitFile: at('permit'),
    logFile: at('etcd.log'),
  };
  if (given === 'permit') {
    writeFileSync(unit.permitFile, '');
  } else if (given === 'wal') {
    mkdirSync(at('data/member/wal'), { recursive: true });
    writeFileSync(at('data/member/wal/0000000000000000-0000000000000000.wal'), '');
  }
  const stateFile = at('state/etcd-process.json');
  // The shell makes the file before it writes the pid.
  const starts = () =>
    existsSync(at('starts'))
      ? readFileSync(at('starts'), 'utf8').split('\n').filter(Boolean).map(Number)
      : [];
  onTestFinished(async () => {
    // The latest one may not have noted its pid yet; the record knows it.
    const recorded = existsSync(stateFile)
      ? JSON.parse(readFileSync(stateFile, 'utf8')).child?.identity?.pid
      : undefined;
    for (const pid of [...starts(), ...(recorded === undefined ? [] : [recorded])]) {
      await end(pid);
    }
  });
  const open = async () => {
    const manager = await openProcessServices({ stateFile, pollMs: 50 });
    onTestFinished(() => manager.close());
    return manager;
  };
  const running = async () => {
    const alive = await Promise.all(
      starts().map(async (pid) => ((await processStat(pid)) === undefined ? [] : [pid])),
    );
    return alive.flat();
  };
  return { directory, at, unit, stateFile, starts, open, running };
}

/** Kills what this test started, and waits for its end. Only a stand-in leads a session of its own. */
async function end(pid: number): Promise<void> {
  await eventually(async () => {
    if ((await processStat(pid))?.sessionId !== pid) {
      return true;
    }
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended between the look and the signal.
    }
    return false;
  });
}

function until<K extends ServiceState['kind']>(manager: ServiceManager, kind: K) {
  return eventually(async () => {
    const state = await manager.observe();
    return state.kind === kind ? (state as Extract<ServiceState, { kind: K }>) : undefined;
  });
}

test('without a unit nothing can be started; an unchanged unit is no change', async () => {
  const { unit, open } = world();
  const manager = await open();
  expect(await manager.observe()).toEqual({ kind: 'missing' });
  await expect(manager.start()).rejects.toMatchObject({ name: 'ServiceError', retryable: false });
  expect(await manager.install(unit)).toEqual({ changed: true });
  expect(await manager.install({ ...unit })).toEqual({ changed: false });
  expect(await manager.observe()).toEqual({ kind: 'inactive', result: 'not running', enabled: 'no' });
});

test('rule one: on an empty data directory etcd is started only with a permit', async () => {
  const { unit, open, starts } = world('run', 'nothing');
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  const state = await manager.observe();
  expect(state).toMatchObject({ kind: 'conditionFailed', why: expect.stringContaining(unit.permitFile) });
  expect(starts()).toEqual([]);
  writeFileSync(unit.permitFile, '');
  await manager.start();
  const active = await until(manager, 'active');
  await eventually(async () => starts()[0] === active.pid);
});

test('rule one holds for restarts too: an etcd that lost its data is not started again', async () => {
  const { unit, at, open, starts } = world('run', 'wal');
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  const { pid } = await until(manager, 'active');
  await eventually(async () => starts().length === 1);
  rmSync(at('data'), { recursive: true });
  process.kill(pid, 'SIGKILL');
  await until(manager, 'conditionFailed');
  await delay(300);
  expect(starts()).toEqual([pid]);
});

test('an etcd that dies is started again', async () => {
  const { unit, open, starts } = world();
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await manager.start();
  const { pid } = await until(manager, 'active');
  await eventually(async () => starts().length === 1);
  process.kill(pid, 'SIGKILL');
  expect(await until(manager, 'restarting')).toEqual({
    kind: 'restarting',
    lastExit: { kind: 'signalled', signal: 'SIGKILL' },
    endsInARow: 1,
  });
  const again = await until(manager, 'active');
  expect(again.pid).not.toBe(pid);
});

test('an etcd that ends at once is retried ever more slowly, and says how it ended', async () => {
  const { unit, open, starts } = world('exit');
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await eventually(async () => starts().length === 2);
  const state = await eventually(async () => {
    const seen = await manager.observe();
    return seen.kind === 'restarting' && seen.endsInARow === 2 ? seen : undefined;
  });
  expect(state.lastExit).toEqual({ kind: 'exited', code: 3 });
  await delay(500);
  expect(starts()).toHaveLength(2);
  await eventually(async () => starts().length === 3);
  await manager.stop(1_000);
  expect(await manager.observe()).toEqual({ kind: 'inactive', result: 'stopped', enabled: 'no' });
});

test('delays between restarts are 0.1, 1, 2, 4 … and never more than 60 seconds', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9, 2000].map((failures) => restartDelayMs(failures, 0));
  expect(delays).toEqual([100, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  // From the second on up to a fifth more, so that three hosts do not come back in step.
  expect([1, 2, 3, 2000].map((failures) => restartDelayMs(failures, 0.5))).toEqual([
    100, 1_100, 2_200, 66_000,
  ]);
});

test('a stopped etcd stays stopped, also for the next agent', async () => {
  const { unit, open, running, starts } = world();
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await eventually(async () => starts().length === 1);
  await manager.stop(5_000);
  expect(await running()).toEqual([]);
  await manager.close();
  const next = await open();
  await delay(300);
  expect(await next.observe()).toEqual({ kind: 'inactive', result: 'not running', enabled: 'no' });
  expect(starts()).toHaveLength(1);
});

test('an etcd that does not listen to SIGTERM is killed at the deadline', async () => {
  const { unit, at, open, running, starts } = world('stubborn');
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await eventually(async () => existsSync(at('starts.ready')));
  // Told of it, it cannot be missed: it lasts no longer than the stop.
  const heard: ServiceState[] = [];
  manager.onChange(() => {
    void manager.observe().then((state) => heard.push(state));
  });
  const startedMs = performance.now();
  await manager.stop(400);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(400);
  expect(heard[0]).toEqual({ kind: 'deactivating', pid: starts()[0] });
  expect(await running()).toEqual([]);
});

test('a stop without patience kills at once, and etcd stays stopped', async () => {
  const { unit, at, open, running, starts } = world('polite');
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await eventually(async () => existsSync(at('starts.ready')));
  await manager.stop(0);
  expect(await running()).toEqual([]);
  await delay(300);
  expect(starts()).toHaveLength(1);
  expect(existsSync(at('starts.ended')), 'it was asked politely first').toBe(false);
});

test('a listener hears of every change: started, ended, started again, stopping, stopped, refused', async () => {
  const { unit, open } = world();
  const manager = await open();
  const heard: ServiceState['kind'][] = [];
  const deaf = manager.onChange(() => {
    throw new Error('a listener that fails is not etcd’s business');
  });
  // The state is settled when the listener is called: observe tells the new one.
  const unsubscribe = manager.onChange(() => {
    void manager.observe().then((state) => heard.push(state.kind));
  });
  await manager.install(unit);
  await manager.start();
  process.kill((await until(manager, 'active')).pid, 'SIGKILL');
  await until(manager, 'restarting');
  await until(manager, 'active');
  await manager.stop(5_000);
  rmSync(unit.permitFile);
  await manager.start();
  expect(withoutRepeats(heard)).toEqual([
    'active',
    'restarting',
    'active',
    'deactivating',
    'active',
    'inactive',
    'conditionFailed',
  ]);
  unsubscribe();
  deaf();
  await manager.stop(1_000);
  await delay(0);
  expect(heard.at(-1)).toBe('conditionFailed');
});

const withoutRepeats = <T>(list: readonly T[]) => list.filter((each, index) => each !== list[index - 1]);

test('the last words of etcd are the end of its log, never longer than asked for', async () => {
  const { unit, at, open } = world();
  const manager = await open();
  await manager.install(unit);
  expect(await manager.lastWords(100)).toBe('');
  writeFileSync(at('etcd.log'), `${'x'.repeat(500)}\npanic: tocommit(7) is out of range\n`);
  expect(await manager.lastWords(35)).toBe('panic: tocommit(7) is out of range\n');
  expect(await manager.lastWords(1_000)).toContain('xxx\npanic');
  rmSync(at('etcd.log'));
  mkdirSync(at('etcd.log'));
  await expect(manager.lastWords(35)).rejects.toMatchObject({ name: 'ServiceError' });
});

const agent = `
  import { linuxFiles } from './linux-files.js';
  import { openProcessServices } from './services-process.js';
  const [, , stateFile, unit, dieAt = 'never', dieWhen = 'after'] = process.argv;
  const die = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => undefined); };
  const files = { ...linuxFiles, writeAtomic: async (path, data, options) => {
    const here = data.includes('"kind": "' + dieAt + '"');
    if (here && dieWhen === 'before') await die();
    await linuxFiles.writeAtomic(path, data, options);
    if (here && dieWhen === 'after') await die();
  } };
  console.log('opening');
  const manager = await openProcessServices({ stateFile, files });
  await manager.install(JSON.parse(unit));
  await manager.start();
  console.log(JSON.stringify(await manager.observe()));
  setInterval(() => undefined, 1000);
`;

test('etcd outlives a killed agent; the next one adopts it, and starts it again when it dies', async () => {
  const { unit, stateFile, open, starts, running } = world();
  const first = runChildProgram(agent, [stateFile, JSON.stringify(unit)]);
  await first.line();
  const { pid } = JSON.parse(await first.line());
  await eventually(async () => starts().length === 1);
  await first.kill();
  expect(await running()).toEqual([pid]);
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  expect(await manager.observe()).toMatchObject({ kind: 'active', pid, startedAt: expect.any(Date) });
  await delay(200);
  expect(starts()).toEqual([pid]);
  process.kill(pid, 'SIGKILL');
  await eventually(async () => starts().length === 2);
  expect((await until(manager, 'active')).pid).toBe(starts()[1]);
});

test('an agent killed after it spawned etcd and before it noted its pid: the next one finds that etcd and starts no second', async () => {
  for (const behaviour of ['run', 'stubborn']) {
    const { unit, stateFile, open, starts, running } = world(behaviour);
    const first = runChildProgram(agent, [stateFile, JSON.stringify(unit), 'running', 'before']);
    await first.line();
    await expect(first.line()).rejects.toThrow();
    expect(JSON.parse(readFileSync(stateFile, 'utf8')).child.kind).toBe('starting');
    const manager = await open();
    const state = await until(manager, 'active');
    await eventually(async () => starts().length === 1);
    await delay(300);
    expect(starts()).toEqual([state.pid]);
    await manager.stop(200);
    expect(await running()).toEqual([]);
  }
});

test('an agent killed before it spawned etcd: the next one starts nothing by itself, and one when it is told to', async () => {
  const { unit, stateFile, open, starts } = world();
  const first = runChildProgram(agent, [stateFile, JSON.stringify(unit), 'starting', 'after']);
  await first.line();
  await expect(first.line()).rejects.toThrow();
  expect(starts()).toEqual([]);
  const manager = await open();
  expect(await manager.observe()).toEqual(unwatchedEnd);
  await delay(300);
  expect(starts()).toEqual([]);
  await manager.start();
  await until(manager, 'active');
  await eventually(async () => starts().length === 1);
  await delay(300);
  expect(starts()).toHaveLength(1);
});

const unwatchedEnd = { kind: 'inactive', result: 'ended while nobody watched', enabled: 'yes' };

test('an etcd that ended while no agent watched is not started by the next one, nor by the one after; it stays wanted', async () => {
  const { unit, open, running, starts } = world();
  const first = await open();
  await first.install(unit);
  await first.start();
  await eventually(async () => starts().length === 1);
  await first.close();
  await Promise.all((await running()).map(end));
  for (let agents = 0; agents < 2; agents += 1) {
    const next = await open();
    expect(await next.observe()).toEqual(unwatchedEnd);
    await delay(300);
    await next.close();
  }
  expect(starts()).toHaveLength(1);
  const last = await open();
  await last.stop(1_000);
  expect(await last.observe()).toEqual({ kind: 'inactive', result: 'stopped', enabled: 'no' });
});

test('an etcd that ends while it is watched, by an agent that adopted it, is started again', async () => {
  const { unit, open, running, starts } = world();
  const first = await open();
  await first.install(unit);
  await first.start();
  await eventually(async () => starts().length === 1);
  await first.close();
  const second = await open();
  await Promise.all((await running()).map(end));
  await eventually(async () => starts().length === 2);
  await until(second, 'active');
});

test('without the clearance of this very boot nothing is started, restarts included', async () => {
  const { unit, at, open, starts } = world();
  const clearanceFile = at('cleared');
  const manager = await open();
  await manager.install({ ...unit, clearanceFile });
  const refused = { kind: 'conditionFailed', why: expect.stringContaining(clearanceFile) };
  await manager.start();
  expect(await manager.observe()).toMatchObject(refused);
  // What is left of the boot before, on a disk that keeps it.
  writeFileSync(clearanceFile, '00000000-0000-4000-8000-000000000000\n');
  await manager.start();
  expect(await manager.observe()).toMatchObject(refused);
  writeFileSync(clearanceFile, `${await currentBootId()}\n`);
  await manager.start();
  const { pid } = await until(manager, 'active');
  await eventually(async () => starts().length === 1);
  rmSync(clearanceFile);
  process.kill(pid, 'SIGKILL');
  await until(manager, 'conditionFailed');
  expect(starts()).toEqual([pid]);
});

test('a clearance alone is no permit: rule one holds beside it', async () => {
  const { unit, at, open, starts } = world('run', 'nothing');
  writeFileSync(at('cleared'), `${await currentBootId()}\n`);
  const manager = await open();
  await manager.install({ ...unit, clearanceFile: at('cleared') });
  await manager.start();
  expect(await manager.observe()).toMatchObject({
    kind: 'conditionFailed',
    why: expect.stringContaining(unit.permitFile),
  });
  expect(starts()).toEqual([]);
});

test('agents killed at any moment, one after the other, never leave two etcd running', async () => {
  const { unit, stateFile, open, running, starts } = world();
  for (let round = 0; round < 12; round += 1) {
    const child = runChildProgram(agent, [stateFile, JSON.stringify(unit)]);
    await child.line();
    await delay(Math.random() * 60);
    await child.kill();
    await delay(50);
    const alive = await running();
    expect(alive.length).toBeLessThanOrEqual(1);
    if (round % 3 === 2) {
      await Promise.all(alive.map(end));
    }
  }
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  const { pid } = await until(manager, 'active');
  await eventually(async () => starts().includes(pid));
  expect(await running()).toEqual([pid]);
});

test('a stranger who got the pid of our etcd is neither adopted nor ended', async () => {
  const { unit, stateFile, open, starts } = world();
  const stranger = spawn('/bin/sleep', ['600']);
  onTestFinished(() => {
    stranger.kill('SIGKILL');
  });
  const found = await processIdentity(stranger.pid ?? 0);
  if (found.kind === 'gone') {
    throw new Error('it should run');
  }
  const identity = { ...found.identity, startTicks: found.identity.startTicks - 1 };
  mkdirSync(join(stateFile, '..'));
  const child = { kind: 'running', marker: 'm', identity, startedAt: new Date().toISOString() };
  writeFileSync(stateFile, JSON.stringify({ schema: 1, unit, wanted: true, child }));
  const manager = await open();
  expect(await manager.observe()).toEqual(unwatchedEnd);
  await manager.start();
  const state = await until(manager, 'active');
  expect(state.pid).not.toBe(identity.pid);
  await eventually(async () => starts().length === 1);
  await manager.stop(5_000);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});

test('closing the manager leaves etcd alone, and nobody restarts it from then on', async () => {
  const { unit, open, running, starts } = world();
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await eventually(async () => starts().length === 1);
  await manager.close();
  const alive = await running();
  expect(alive).toHaveLength(1);
  process.kill(alive[0] ?? 0, 'SIGKILL');
  await delay(400);
  expect(starts()).toHaveLength(1);
});

test('etcd gets the environment file and nothing of the agent; its output goes to a log of bounded size', async () => {
  const { unit, at, open, starts } = world();
  process.env.AGENT_SECRET = 'hunter2';
  onTestFinished(() => {
    delete process.env.AGENT_SECRET;
  });
  writeFileSync(at('etcd.log'), Buffer.alloc(17 * 1024 * 1024));
  const manager = await open();
  await manager.install(unit);
  await manager.start();
  await eventually(async () => starts().length === 1 && statSync(at('etcd.log')).size > 0);
  const environment = readFileSync(at('starts.env'), 'utf8');
  expect(environment).toContain('ETCD_BEHAVIOUR=run\n');
  expect(environment).not.toContain('hunter2');
  expect(environment).not.toContain('NODE');
  expect(readFileSync(at('etcd.log'), 'utf8')).toBe('a line for the log\n');
  expect(statSync(at('etcd.log.1')).size).toBe(17 * 1024 * 1024);
});

test.runIf(isRoot)('root runs etcd as the user of the unit, and says so when there is none', async () => {
  const { unit, at, open, starts } = world();
  const manager = await open();
  await manager.install({ ...unit, user: 'nobody' });
  await manager.start();
  await eventually(async () => starts().length === 1 && existsSync(at('starts.uid')));
  await eventually(async () => readFileSync(at('starts.uid'), 'utf8') === '65534\n');
  await manager.stop(5_000);
  await manager.install({ ...unit, user: 'no-such-user' });
  await manager.start();
  const state = await until(manager, 'restarting');
  expect(state.lastExit).toMatchObject({
    kind: 'notStarted',
    message: expect.stringContaining('no-such-user'),
  });
});

test('what keeps etcd from being started at all is told: no binary, an unreadable configuration', async () => {
  const { unit, at, open } = world();
  const manager = await open();
  await manager.install({ ...unit, binary: at('absent') });
  await manager.start();
  const noBinary = await until(manager, 'restarting');
  expect(noBinary.lastExit).toMatchObject({ kind: 'notStarted', message: expect.stringContaining('ENOENT') });
  await manager.stop(1_000);
  writeFileSync(at('etcd.conf'), 'ETCD_NAME="etcd0\nETCD_DATA_DIR="/x"\n');
  await manager.install(unit);
  await manager.start();
  const badQuote = await until(manager, 'restarting');
  expect(badQuote.lastExit).toMatchObject({ kind: 'notStarted', message: expect.stringContaining('line 1') });
});

test('a state file that is not ours is refused, because an etcd might run that we do not know of', async () => {
  const { stateFile, open } = world();
  mkdirSync(join(stateFile, '..'));
  writeFileSync(stateFile, '{"schema":1}');
  await expect(open()).rejects.toMatchObject({
    name: 'ServiceError',
    message: expect.stringContaining(stateFile),
  });
});
