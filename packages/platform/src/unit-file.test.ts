import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runProgram } from './run.js';
import type { EtcdUnit } from './services.js';
import { temporaryDirectory } from './testing/scratch.js';
import { renderBaseUnit, renderDropIn, unitFileHead } from './unit-file.js';

const unit: EtcdUnit = {
  binary: '/usr/bin/etcd',
  environmentFile: '/etc/etcd/etcd.conf',
  dataDir: '/var/lib/etcd/default.etcd',
  permitFile: '/var/lib/etcd-agent/permit',
  clearanceFile: '/run/etcd-agent/cleared',
};

test('the drop-in owns how etcd is called, and lets it start only on data or with a permit', () => {
  expect(renderDropIn({ ...unit, user: 'etcd', group: 'etcd' }).split('\n')).toEqual([
    unitFileHead,
    '[Unit]',
    expect.stringMatching(/^# /),
    expect.stringMatching(/^# /),
    expect.stringMatching(/^# /),
    'StartLimitIntervalSec=60',
    'StartLimitBurst=3',
    expect.stringMatching(/^# /),
    'ConditionPathExists=',
    expect.stringMatching(/^# /),
    'ConditionPathExists=/run/etcd-agent/cleared',
    expect.stringMatching(/^# /),
    'ConditionPathExistsGlob=|/var/lib/etcd/default.etcd/member/wal/*.wal',
    'ConditionPathExists=|/var/lib/etcd-agent/permit',
    '',
    '[Service]',
    'Type=notify',
    expect.stringMatching(/^# /),
    ...['ExecStartPre=', 'ExecStartPost=', 'ExecReload=', 'ExecStop=', 'ExecStopPost='],
    ...['PassEnvironment=', 'UnsetEnvironment=', 'RootDirectory='],
    ...['RestartPreventExitStatus=', 'RestartForceExitStatus=', 'DynamicUser=no'],
    'ExecStart=',
    'ExecStart=/usr/bin/etcd',
    'Environment=',
    'EnvironmentFile=',
    'EnvironmentFile=/etc/etcd/etcd.conf',
    'WorkingDirectory=/',
    'User=etcd',
    'Group=etcd',
    expect.stringMatching(/^# /),
    'ExecStartPost=-+/bin/rm -f /var/lib/etcd-agent/permit',
    expect.stringMatching(/^# /),
    `ExecStopPost=-+/bin/sh -c 'case "$$SERVICE_RESULT" in signal|exit-code|core-dump|oom-kill|watchdog) ;; *) /bin/rm -f "/run/etcd-agent/cleared" ;; esac'`,
    'Restart=always',
    'RestartSec=100ms',
    expect.stringMatching(/^# /),
    'TimeoutStartSec=0',
    'LimitNOFILE=65536',
    '',
  ]);
});

test('a user is set only when one is given, and the WAL condition follows a WAL directory of its own', () => {
  const text = renderDropIn({ ...unit, walDir: '/ssd/wal', workingDirectory: '/srv' });
  expect(text).not.toMatch(/^(User|Group)=/m);
  expect(text).toContain('\nConditionPathExistsGlob=|/ssd/wal/*.wal\n');
  expect(text).toContain('\nWorkingDirectory=/srv\n');
});

test('a unit without a clearance has only the conditions of rule one, after those of others are cleared', () => {
  const { clearanceFile: _, ...without } = unit;
  expect(renderDropIn(without)).not.toMatch(/^ExecStopPost=./m);
  const conditions = renderDropIn(without)
    .split('\n')
    .filter((line) => line.startsWith('Condition'));
  expect(conditions).toEqual([
    'ConditionPathExists=',
    'ConditionPathExistsGlob=|/var/lib/etcd/default.etcd/member/wal/*.wal',
    'ConditionPathExists=|/var/lib/etcd-agent/permit',
  ]);
});

test('a percent sign in a path is not taken for a specifier; a space in the binary is quoted', () => {
  const text = renderDropIn({ ...unit, binary: '/opt/my etcd/etcd', dataDir: '/data/100%/x' });
  expect(text).toContain('\nExecStart="/opt/my etcd/etcd"\n');
  expect(text).toContain('|/data/100%%/x/member/wal/*.wal\n');
});

test.each([
  ['a relative path', { dataDir: 'var/lib/etcd' }],
  ['a line feed', { environmentFile: '/etc/x\nExecStart=/bin/sh' }],
  ['a glob', { walDir: '/var/*' }],
  ['a variable', { binary: '/usr/bin/$ETCD' }],
  ['a quote', { binary: '/usr/bin/"etcd' }],
  ['a way up', { permitFile: '/var/lib/../../tmp/permit' }],
  ['an empty path', { permitFile: '' }],
  ['a clearance that would trigger', { clearanceFile: '|/run/etcd-agent/cleared' }],
  ['a user with a line feed', { user: 'etcd\nUser=root' }],
])('%s is refused', (_what, change) => {
  expect(() => renderDropIn({ ...unit, ...change })).toThrow(
    expect.objectContaining({ name: 'ServiceError' }),
  );
});

test('whatever path is given, it is refused or stands whole in one line of its own', () => {
  const lines = renderDropIn(unit).split('\n').length;
  const segment = fc.string({
    unit: fc.constantFrom('a', '/', '%', ' ', '\n', '"', '*', '\\', '$', 'é', '.'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(segment, (tail) => {
      const environmentFile = `/${tail}`;
      let text: string;
      try {
        text = renderDropIn({ ...unit, environmentFile });
      } catch {
        return;
      }
      const assigned = text.split('\n').filter((line) => line.startsWith('EnvironmentFile=/'));
      expect(text.split('\n')).toHaveLength(lines);
      expect(assigned.map((line) => line.slice('EnvironmentFile='.length).replaceAll('%%', '%'))).toEqual([
        environmentFile,
      ]);
    }),
  );
});

const analyze = await runProgram('systemd-analyze', ['--version'], { timeoutMs: 60_000 });

test.runIf(analyze.kind === 'exited')(
  'systemd finds nothing to complain about in the unit with its drop-in',
  async () => {
    const directory = temporaryDirectory();
    const real = { ...unit, binary: '/bin/true', dataDir: '/data/100%/with space', user: 'daemon' };
    const verify = (name: string) =>
      runProgram('systemd-analyze', ['verify', '--man=no', join(directory, name)], { timeoutMs: 120_000 });
    writeFileSync(join(directory, 'etcd.service'), renderBaseUnit(real));
    mkdirSync(join(directory, 'etcd.service.d'));
    writeFileSync(join(directory, 'etcd.service.d', 'zz-etcd-agent.conf'), renderDropIn(real));
    const good = await verify('etcd.service');
    expect(good).toMatchObject({
      kind: 'exited',
      code: 0,
      stderr: expect.not.stringContaining('etcd.service'),
    });
    // The same check must see a mistake in the drop-in, or it shows nothing.
    const broken = renderDropIn(real).replace('TimeoutStartSec=0', 'TimeoutStartSec=soon');
    writeFileSync(join(directory, 'etcd.service.d', 'zz-etcd-agent.conf'), broken);
    expect((await verify('etcd.service')).stderr).toContain('TimeoutStartSec');
  },
);
