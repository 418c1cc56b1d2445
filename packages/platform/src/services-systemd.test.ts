/** The systemd adapter against a scripted systemctl and real unit files in a directory of the test's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from './clock.js';
import type { ProgramResult } from './run.js';
import { type EtcdUnit, glanceMsMax } from './services.js';
import { systemdServices } from './services-systemd.js';
import { parseShow, stateFromProperties } from './systemctl-show.js';
import { temporaryDirectory } from './testing/scratch.js';
import { renderBaseUnit, renderDropIn } from './unit-file.js';
import { renderSandbox } from './unit-sandbox.js';

const unit: EtcdUnit = {
  binary: '/usr/bin/etcd',
  environmentFile: '/etc/etcd/etcd.conf',
  dataDir: '/var/lib/etcd/default.etcd',
  permitFile: '/var/lib/etcd-agent/permit',
};

const exited = (stdout: string, code = 0, stderr = ''): ProgramResult => ({
  kind: 'exited',
  code,
  stdout,
  stderr,
});

function scripted(shown: () => string, answers: Record<string, ProgramResult> = {}) {
  const unitDirectory = temporaryDirectory();
  const calls: string[] = [];
  const services = systemdServices({
    unitDirectory,
    async systemctl(args) {
      const [verb = ''] = args;
      if (verb === 'show') {
        return exited(shown());
      }
      calls.push(args.join(' '));
      return answers[verb] ?? exited('');
    },
  });
  return { services, calls, unitDirectory, at: (name: string) => join(unitDirectory, name) };
}

/** A clock on which sleeping takes no time. */
function skippingClock(): Clock {
  let nowMs = 0;
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}

const stateOf = (text: string) => stateFromProperties(parseShow(text), new Date(100_000), 50_000);
const loaded = 'LoadState=loaded\n';

test.each([
  ['LoadState=not-found\nActiveState=inactive\n', { kind: 'missing' }],
  ['LoadState=masked\nActiveState=inactive\n', { kind: 'masked' }],
  [
    `${loaded}ActiveState=active\nSubState=running\nMainPID=42\nExecMainStartTimestampMonotonic=40000000\n`,
    { kind: 'active', pid: 42, startedAt: new Date(90_000) },
  ],
  [`${loaded}ActiveState=activating\nSubState=start\nMainPID=42\n`, { kind: 'activating', pid: 42 }],
  [
    `${loaded}ActiveState=activating\nSubState=start\nMainPID=42\nExecMainStartTimestampMonotonic=40000000\n`,
    { kind: 'activating', pid: 42, startedAt: new Date(90_000) },
  ],
  [
    `${loaded}ActiveState=activating\nSubState=start-pre\nMainPID=0\nExecMainStartTimestampMonotonic=40000000\n`,
    { kind: 'activating' },
  ],
  [
    `${loaded}ActiveState=activating\nSubState=auto-restart\nMainPID=0\nExecMainCode=1\nExecMainStatus=2\n`,
    { kind: 'restarting', lastExit: { kind: 'exited', code: 2 }, endsInARow: 0 },
  ],
  [
    `${loaded}ActiveState=deactivating\nSubState=stop-sigterm\nMainPID=42\n`,
    { kind: 'deactivating', pid: 42 },
  ],
  [
    `${loaded}ActiveState=failed\nResult=start-limit-hit\nExecMainCode=2\nExecMainStatus=9\nNRestarts=3\nUnitFileState=disabled\n`,
    {
      kind: 'failed',
      result: 'start-limit-hit',
      lastExit: { kind: 'signalled', signal: 'SIGKILL' },
      endsInARow: 3,
      enabled: 'no',
    },
  ],
  [
    `${loaded}ActiveState=inactive\nResult=success\nConditionResult=no\nConditionTimestampMonotonic=0\nUnitFileState=enabled\n`,
    { kind: 'inactive', result: 'success', enabled: 'yes' },
  ],
  [
    `${loaded}ActiveState=inactive\nResult=success\nUnitFileState=disabled\n`,
    { kind: 'inactive', result: 'success', enabled: 'no' },
  ],
  [
    `${loaded}ActiveState=inactive\nResult=success\nUnitFileState=static\n`,
    { kind: 'inactive', result: 'success', enabled: 'unknown' },
  ],
  [
    `${loaded}ActiveState=inactive\nResult=success\nConditionResult=no\nConditionTimestampMonotonic=7\n`,
    { kind: 'conditionFailed', why: expect.stringContaining('permit') },
  ],
  [
    'LoadState=bad-setting\nLoadError=org.x "Unit has a bad setting"\n',
    { kind: 'unknown', why: expect.any(String) },
  ],
])('what systemctl shows is read as a state: %j', (text, state) => {
  expect(stateOf(text)).toEqual(state);
});

test('a systemd that does not answer makes the state unknown, not inactive', async () => {
  const services = systemdServices({
    systemctl: async () => exited('', 1, 'System has not been booted with systemd as init system (PID 1).'),
  });
  expect(await services.observe()).toEqual({
    kind: 'unknown',
    why: expect.stringContaining('has not been booted'),
  });
  expect(await services.readUnit()).toMatchObject({ kind: 'unknown' });
  await expect(services.start()).rejects.toMatchObject({ name: 'ServiceError', operation: 'start' });
});

test('a glance asks systemd again when etcd has ended, after its time, and once something was done', async () => {
  const etcd = spawn('sleep', ['60']);
  onTestFinished(() => void etcd.kill('SIGKILL'));
  const clock = skippingClock();
  let asked = 0;
  let kind = 'active';
  const services = systemdServices({
    clock,
    async systemctl([verb]) {
      if (verb === 'show') asked += 1;
      return exited(`${loaded}ActiveState=${kind}\nMainPID=${etcd.pid}\n`);
    },
  });
  const glances = async (count: number) => {
    const before = asked;
    for (let each = 0; each < count; each += 1)
      expect(await services.glance()).toMatchObject({ kind, pid: etcd.pid });
    return asked - before;
  };
  expect(await glances(3)).toBe(1);
  await clock.sleep(glanceMsMax);
  expect(await glances(3)).toBe(0);
  await clock.sleep(1);
  expect(await glances(3)).toBe(1);
  await services.start();
  expect(await glances(3)).toBe(1);
  kind = 'activating';
  await clock.sleep(glanceMsMax + 1);
  expect(await glances(2)).toBe(2);
  kind = 'active';
  expect(await glances(2)).toBe(1);
  etcd.kill('SIGKILL');
  await once(etcd, 'exit');
  expect(await glances(2)).toBe(2);
});

test('installing over a distribution unit writes the drop-ins alone and reloads; a second time nothing happens', async () => {
  const { services, calls, at } = scripted(() => `${loaded}ActiveState=inactive\nNeedDaemonReload=no\n`);
  expect(await services.install(unit)).toEqual({ changed: true });
  expect(readFileSync(at('etcd.service.d/zz-etcd-agent.conf'), 'utf8')).toBe(renderDropIn(unit));
  expect(readFileSync(at('etcd.service.d/00-etcd-agent-sandbox.conf'), 'utf8')).toBe(renderSandbox(unit));
  expect(existsSync(at('etcd.service'))).toBe(false);
  expect(calls).toEqual(['daemon-reload --no-ask-password']);
  expect(await services.install(unit)).toEqual({ changed: false });
  expect(calls).toHaveLength(1);
  expect(await services.install({ ...unit, user: 'etcd' })).toEqual({ changed: true });
});

test('where there is no etcd.service a whole unit is written, and kept up to date as ours', async () => {
  let shown = 'LoadState=not-found\n';
  const { services, at } = scripted(() => shown);
  await services.install(unit);
  shown = loaded;
  await services.install({ ...unit, binary: '/opt/etcd' });
  expect(readFileSync(at('etcd.service'), 'utf8')).toBe(renderBaseUnit({ ...unit, binary: '/opt/etcd' }));
});

test("an administrator's own etcd.service is not replaced", async () => {
  const { services, at } = scripted(() => loaded);
  writeFileSync(at('etcd.service'), '[Service]\nExecStart=/usr/local/bin/etcd --name x\n');
  await services.install(unit);
  expect(readFileSync(at('etcd.service'), 'utf8')).toContain('--name x');
});

test('a reload that was forgotten is made up for even when no file changes', async () => {
  let reload = 'no';
  const { services, calls } = scripted(() => `${loaded}NeedDaemonReload=${reload}\n`);
  await services.install(unit);
  reload = 'yes';
  expect(await services.install(unit)).toEqual({ changed: false });
  expect(calls).toHaveLength(2);
});

test('a masked unit is refused with the command that allows it, and no file is written', async () => {
  const { services, at } = scripted(() => 'LoadState=masked\n');
  await expect(services.install(unit)).rejects.toThrow('systemctl unmask etcd.service');
  expect(existsSync(at('etcd.service.d'))).toBe(false);
});

test('a refused path leaves neither a unit nor a drop-in', async () => {
  const { services, at } = scripted(() => 'LoadState=not-found\n');
  await expect(services.install({ ...unit, permitFile: 'relative' })).rejects.toMatchObject({
    name: 'ServiceError',
  });
  expect(existsSync(at('etcd.service'))).toBe(false);
});

test('a start clears an earlier failure first and does not wait for etcd to join', async () => {
  const answers = { 'reset-failed': exited('', 1, 'Unit etcd.service not loaded.') };
  const { services, calls } = scripted(() => loaded, answers);
  await services.start();
  expect(calls).toEqual([
    'reset-failed --no-ask-password etcd.service',
    'start --no-block --no-ask-password etcd.service',
  ]);
});

test('an etcd that does not stop is killed at the deadline', async () => {
  let active = 'deactivating';
  const calls: string[] = [];
  const services = systemdServices({
    async systemctl(args) {
      if (args[0] === 'kill') {
        active = 'failed';
      }
      calls.push(args[0] ?? '');
      return exited(args[0] === 'show' ? `${loaded}ActiveState=${active}\nResult=signal\n` : '');
    },
  });
  await services.stop(150);
  expect(calls.filter((verb) => verb !== 'show')).toEqual(['stop', 'kill']);
});

test('a stop without patience kills at once, after telling systemd that it is to stay stopped', async () => {
  const verbs: string[] = [];
  let active = 'active';
  const services = systemdServices({
    clock: skippingClock(),
    async systemctl(args) {
      verbs.push(args[0] ?? '');
      active = verbs.includes('kill') ? 'failed' : 'active';
      return exited(args[0] === 'show' ? `${loaded}ActiveState=${active}\nMainPID=4\nResult=signal\n` : '');
    },
  });
  await services.stop(0);
  expect(verbs.slice(0, 3)).toEqual(['show', 'stop', 'kill']);
});

test('the last words of etcd are the end of its journal, never longer than asked for', async () => {
  const asked: string[] = [];
  const entry = (message: string) => `${JSON.stringify({ MESSAGE: message })}\n`;
  let answer = exited(entry('panic: älter') + entry('goroutine 1'));
  const services = systemdServices({
    async journalctl(args) {
      asked.push(args.join(' '));
      return answer;
    },
  });
  expect(await services.lastWords(1_000)).toBe('panic: älter\ngoroutine 1\n');
  expect(await services.lastWords(17)).toBe('lter\ngoroutine 1\n');
  expect(asked[0]).toBe('-u etcd.service -o json --all --no-pager --quiet -n 400');
  answer = exited('', 1, 'No journal files were opened due to insufficient permissions.');
  await expect(services.lastWords(17)).rejects.toMatchObject({
    name: 'ServiceError',
    message: expect.stringContaining('permissions'),
  });
});

test.each([
  ['it ended by itself a moment before', 'failed', undefined],
  ['it is still there', 'deactivating', expect.stringContaining('not loaded')],
])(
  'a kill that systemctl reports as failed is judged by what is left: %s',
  async (_what, left, complaint) => {
    let active = 'deactivating';
    const services = systemdServices({
      // Waiting costs no time here.
      clock: skippingClock(),
      async systemctl(args) {
        if (args[0] === 'kill') {
          active = left;
          return exited('', 1, 'Failed to kill unit etcd.service: Unit etcd.service not loaded.');
        }
        return exited(args[0] === 'show' ? `${loaded}ActiveState=${active}\nResult=signal\n` : '');
      },
    });
    const outcome = await services.stop(150).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(outcome).toEqual(complaint);
  },
);

test('a unit is read with what a distribution passes to etcd', async () => {
  const { services } = scripted(
    () =>
      `${loaded}FragmentPath=/lib/systemd/system/etcd.service\nDropInPaths=/etc/a.conf /etc/b.conf\nType=notify\nUser=etcd\nGroup=\n` +
      'ExecStart={ path=/usr/bin/etcd ; argv[]=/usr/bin/etcd $DAEMON_ARGS ; ignore_errors=no ; pid=0 }\n' +
      'Environment=ETCD_NAME=%H ETCD_DATA_DIR=/var/lib/etcd/default\n' +
      'EnvironmentFiles=/etc/default/etcd (ignore_errors=yes)\nEnvironmentFiles=/etc/b (ignore_errors=no)\nUnitFileState=enabled\n',
  );
  expect(await services.readUnit()).toEqual({
    kind: 'loaded',
    fragmentPath: '/lib/systemd/system/etcd.service',
    dropInPaths: ['/etc/a.conf', '/etc/b.conf'],
    type: 'notify',
    user: 'etcd',
    group: '',
    execStart: '{ path=/usr/bin/etcd ; argv[]=/usr/bin/etcd $DAEMON_ARGS ; ignore_errors=no ; pid=0 }',
    environment: 'ETCD_NAME=%H ETCD_DATA_DIR=/var/lib/etcd/default',
    environmentFiles: '/etc/default/etcd (ignore_errors=yes)\n/etc/b (ignore_errors=no)',
    unitFileState: 'enabled',
  });
});

test.each([
  ['enabled', []],
  ['disabled', ['enable --no-ask-password etcd.service']],
  // By a link on /run: gone at the next boot.
  ['enabled-runtime', ['enable --no-ask-password etcd.service']],
])('of a unit that is %s, enabling asks systemd for what is missing and no more', async (state, expected) => {
  const { services, calls } = scripted(() => `UnitFileState=${state}\n`);
  await services.enable();
  expect(calls).toEqual(expected);
});

test.each([
  ['masked', false],
  ['loaded', true],
])('a service that is %s and disabled is started by nothing else', async (state, bySystemctl) => {
  const { services, calls, at } = scripted(() => `LoadState=${state}\n`);
  for (const directory of ['multi-user.target.wants', 'other.service.requires', 'etcd.service.d'])
    mkdirSync(at(directory));
  const wants = ['multi-user.target.wants/etcd.service', 'other.service.requires/etcd.service'];
  const others = ['multi-user.target.wants/ssh.service', 'etcd.service.d/etcd.service'];
  for (const each of [...wants, ...others]) symlinkSync('/lib/systemd/system/gone.service', at(each));
  await services.disable();
  expect(calls).toEqual(['disable --no-ask-password etcd.service']);
  // What is not masked systemctl deals with.
  const there = (name: string) => lstatSync(at(name), { throwIfNoEntry: false }) !== undefined;
  expect(wants.map(there)).toEqual([bySystemctl, bySystemctl]);
  expect(others.map(there)).toEqual([true, true]);
});
