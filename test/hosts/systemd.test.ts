/**
 * The product on real hosts: three booted Debians with systemd, the distribution's etcd, the agent as a service. One
 * story, told in order: before, during and after a bootstrap. How hosts heal is another story: healing.test.ts.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { etcdVersions } from '../support/index.js';
import { until } from './lab/commands.js';
import type { Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { agentSeen, check, enrol, health, healthy, initialise, listening, unitOf } from './lab/operator.js';
import { checkoutInHost, hostNames, nodeInHost } from './lab/places.js';
import { another, asExpected, callServices, kill, mainPid, property } from './lab/services.js';
import { story } from './lab/story.js';

const dataDir = '/var/lib/etcd/default.etcd';
const deafDropIn = '/etc/systemd/system/etcd.service.d/90-deaf.conf';
const etcdConf = '/etc/etcd/etcd.conf';
const watchdogDropIn = '/etc/systemd/system/etcd-agent.service.d/90-watchdog.conf';
const brokenDropIn = '/etc/systemd/system/etcd.service.d/zzz-broken.conf';
const centosUnit = readFileSync(join(import.meta.dirname, 'testdata', 'centos7-etcd.service'), 'utf8');

// All have Debian's etcd package. On etcd0 an operator has given its etcd.service a flag the way Debian means it; etcd1 has
// a unit that passes flags by itself; etcd2 has none, as with an etcd from a tarball, and what it might have is masked.
await story(
  (host) => {
    if (host.name === 'etcd0') host.write('/etc/default/etcd', 'DAEMON_ARGS="--snapshot-count=5000"\n');
    if (host.name === 'etcd1') host.write('/etc/systemd/system/etcd.service', centosUnit);
    if (host.name === 'etcd2') {
      rmSync(host.path('/lib/systemd/system/etcd.service'));
      rmSync(host.path('/etc/init.d/etcd'), { force: true });
    }
  },
  tell,
  { equip: () => ({ layers: ['agent'], checkout: 'aside' }) },
);

function tell(lab: Lab): void {
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];

  describe('before the bootstrap', () => {
    test('agents start as a service on bare hosts, and no etcd runs', async () => {
      await etcd2.must('systemctl', 'mask', 'etcd.service');
      for (const host of lab.hosts) {
        await host.must('systemctl', 'enable', '--now', 'etcd-agent');
        expect(await property(host, 'etcd.service', 'ActiveState')).toBe('inactive');
      }
    });

    test.each([
      ['a setting that there is not', 'listne: 0.0.0.0:2400', 'listne'],
      ['etcd without systemd, which is for containers', 'serviceManager: process', 'serviceManager'],
    ])(
      'a configuration with %s stops the service, once, with the reason in its log',
      async (_what, line, reason) => {
        etcd0.write('/etc/etcd-agent/agent.yaml', `${line}\n`);
        await etcd0.must('systemctl', 'reset-failed', 'etcd-agent');
        await etcd0.run('systemctl', 'restart', 'etcd-agent');
        await until('the unit fails', 60_000, async () =>
          asExpected(await property(etcd0, 'etcd-agent', 'ActiveState'), 'failed'),
        );
        expect(await property(etcd0, 'etcd-agent', 'NRestarts')).toBe('0');
        await etcd0.must('journalctl', '--sync');
        expect(await etcd0.must('journalctl', '-u', 'etcd-agent', '-o', 'cat')).toContain(reason);
        await etcd0.must('rm', '/etc/etcd-agent/agent.yaml');
        await etcd0.must('systemctl', 'start', 'etcd-agent');
      },
    );

    test('check enrols the three agents by their tokens and names what is wrong with each etcd.service', async () => {
      await initialise(lab);
      for (const host of lab.hosts) {
        await listening(host);
        await enrol(lab, host);
      }
      const { code, findings } = await check(lab);
      expect(unitOf(findings, 'etcd0')).toMatchObject({
        result: 'warn',
        message: expect.stringContaining('--snapshot-count'),
      });
      expect(unitOf(findings, 'etcd1')).toMatchObject({
        result: 'warn',
        message: expect.stringContaining('--name --data-dir --listen-client-urls'),
      });
      expect(unitOf(findings, 'etcd2')).toMatchObject({
        result: 'fail',
        message: expect.stringContaining('masked'),
        next: expect.stringContaining('systemctl unmask etcd'),
      });
      expect(code).toBe(6);
    });

    test('one host never sees the processes of another', async () => {
      for (const host of lab.hosts) {
        const pids = await host.must('cat', '/sys/fs/cgroup/system.slice/etcd-agent.service/cgroup.procs');
        expect(pids.split('\n')).toContain(await mainPid(host, 'etcd-agent'));
        // The kernel shows a process of another host as 0.
        expect(pids.split('\n')).not.toContain('0');
      }
    });

    test('bootstrap refuses while one etcd.service is masked, and leaves every host as it was', async () => {
      const { code, stderr } = await lab.coordinator(['bootstrap', '--yes']);
      expect(stderr).toContain('masked');
      expect(code).toBe(6);
      for (const host of lab.hosts) {
        expect((await host.run('test', '-e', '/etc/systemd/system/etcd.service.d')).code).toBe(1);
        expect(await property(host, 'etcd.service', 'ActiveState')).toBe('inactive');
      }
      await etcd2.must('systemctl', 'unmask', 'etcd.service');
    });

    test('check refuses a host on which the etcd of the distribution already runs', async () => {
      await etcd0.must('systemctl', 'start', 'etcd.service');
      const { code, findings } = await check(lab);
      expect(unitOf(findings, 'etcd0')).toMatchObject({
        result: 'fail',
        message: expect.stringContaining('runs'),
        next: expect.stringContaining('systemctl disable --now etcd'),
      });
      expect(unitOf(findings, 'etcd2')).toMatchObject({ result: 'ok' });
      expect(code).toBe(6);
      await etcd0.must('systemctl', 'stop', 'etcd.service');
    });
  });

  describe('the bootstrap', () => {
    test('makes three healthy members', async () => {
      const output = await lab.coordinator(['bootstrap', '--yes']);
      expect(output).toMatchObject({ code: 0 });
      await healthy(lab);
    });

    test.each(hostNames)('%s: the drop-in alone says how etcd is run', async (name) => {
      const host = lab.host(name);
      const started = await host.must('systemctl', 'show', '-p', 'ExecStart', '--value', 'etcd.service');
      expect(started.match(/argv\[\]=[^;]*/g)).toEqual(['argv[]=/usr/bin/etcd ']);
      expect(await property(host, 'etcd.service', 'Environment')).toBe('');
      expect(await property(host, 'etcd.service', 'EnvironmentFiles')).toBe(
        '/etc/etcd/etcd.conf (ignore_errors=no)',
      );
      expect(await property(host, 'etcd.service', 'DropInPaths')).toContain(
        '/etcd.service.d/zz-etcd-agent.conf',
      );
      expect(await property(host, 'etcd.service', 'NeedDaemonReload')).toBe('no');
      expect(await property(host, 'etcd.service', 'UnitFileState')).toBe('enabled');
      expect(await host.must('systemctl', 'cat', 'etcd.service')).toContain('ConditionPathExistsGlob=|');
    });

    test.each(hostNames)('%s: agent and etcd are locked in, each as far as it can work', async (name) => {
      const host = lab.host(name);
      const exposure = async (unit: string) => {
        const { stdout } = await host.run('systemd-analyze', 'security', '--no-pager', unit);
        const score = /Overall exposure level for \S+: (\d+\.\d)/.exec(stdout)?.[1];
        process.stderr.write(`hosts: ${name}: exposure of ${unit} as systemd-analyze judges it: ${score}\n`);
        return Number(score);
      };
      expect(await exposure('etcd-agent.service')).toBeLessThanOrEqual(3);
      expect(await exposure('etcd.service')).toBeLessThanOrEqual(4);
      // Nothing in any file of theirs is unknown to systemd, or lost on it.
      const verified = await host.run(
        'systemd-analyze',
        'verify',
        '--man=no',
        'etcd-agent.service',
        'etcd.service',
      );
      expect(verified).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/etcd/) });
      const loaded = await host.must('journalctl', '--no-pager', '-o', 'cat', '_PID=1');
      expect(loaded.split('\n').filter((line) => /etcd.*(ignoring|Unknown)/.test(line))).toEqual([]);
    });

    test.each(etcdVersions.filter((version) => version !== '3.4.23'))(
      'etcd %s works in the sandbox as well as that of the distribution',
      async (version) => {
        const [unit, directory] = [`etcd-${version}`, `${checkoutInHost}/.cache/etcd/${version}`];
        const [client, peer] = ['http://127.0.0.1:1379', 'http://127.0.0.1:1380'];
        const flags = [
          ...['--data-dir', `/var/lib/etcd/${version}`],
          ...['--listen-client-urls', client, '--advertise-client-urls', client],
          ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
          ...['--initial-cluster', `default=${peer}`],
        ];
        const units = '/etc/systemd/system';
        etcd2.write(
          `${units}/${unit}.service`,
          `[Service]\nType=notify\nUser=etcd\nExecStart=${directory}/etcd ${flags.join(' ')}\n`,
        );
        await etcd2.must(
          ...['sh', '-c'],
          `mkdir ${units}/${unit}.service.d && cp ${units}/etcd.service.d/00-* ${units}/${unit}.service.d/`,
        );
        await etcd2.must('systemctl', 'daemon-reload');
        const etcdctl = (words: string) =>
          etcd2.must(
            'env',
            'ETCDCTL_API=3',
            `${directory}/etcdctl`,
            '--endpoints',
            client,
            '--command-timeout=60s',
            ...words.split(' '),
          );
        await etcd2.must('systemctl', 'start', unit);
        await etcdctl('put kept yes');
        await etcdctl('defrag');
        await etcd2.must('systemctl', 'restart', unit);
        expect(await etcdctl('get kept --print-value-only')).toBe('yes');
        await etcd2.must('systemctl', 'stop', unit);
        await etcd2.must('rm', '-rf', `${units}/${unit}.service`, `${units}/${unit}.service.d`);
      },
    );

    test.each(hostNames)('%s: etcd runs as the user etcd, and keys are for its group only', async (name) => {
      const host = lab.host(name);
      expect(await host.must('stat', '-c', '%U', `/proc/${await mainPid(host, 'etcd')}`)).toBe('etcd');
      const modes = await host.must('sh', '-c', 'cd /etc/etcd && stat -c "%n %a %U:%G" . *');
      expect(modes.split('\n')).toEqual(
        expect.arrayContaining([
          '. 750 root:etcd',
          'etcd-key.pem 640 root:etcd',
          'peer-key.pem 640 root:etcd',
        ]),
      );
      expect(await host.must('stat', '-c', '%a %U', dataDir)).toBe('700 etcd');
      expect(await host.must('stat', '-c', '%a %U', '/var/lib/etcd-agent')).toBe('700 root');
    });

    test.each(hostNames)(
      '%s: etcd.conf says existing and the permit to start empty is gone',
      async (name) => {
        const host = lab.host(name);
        await until('etcd.conf is flipped', 10_000, async () => {
          const conf = await host.must('cat', '/etc/etcd/etcd.conf');
          return asExpected(/^ETCD_INITIAL_CLUSTER_STATE="?(\w+)/m.exec(conf)?.[1] ?? conf, 'existing');
        });
        expect((await host.run('test', '-e', '/run/etcd-agent/may-start-empty')).code).toBe(1);
      },
    );
  });

  test('healing is paused: what follows takes data and processes away and brings them back by hand', async () => {
    const words = ['heal', 'pause', '--for', '1h', '--reason', 'tests of systemd alone'];
    expect(await lab.coordinator(words)).toMatchObject({ code: 0 });
  });

  describe('rule one: nobody starts etcd on an empty data dir', () => {
    test('a person who starts it gets a failed condition, and it starts again once the data is back', async () => {
      await etcd2.must('systemctl', 'stop', 'etcd');
      await etcd2.must('mv', dataDir, `${dataDir}.away`);
      await etcd2.must('systemctl', 'start', 'etcd');
      expect(await property(etcd2, 'etcd', 'ActiveState')).toBe('inactive');
      expect(await property(etcd2, 'etcd', 'ConditionResult')).toBe('no');
      expect((await etcd2.run('test', '-e', dataDir)).code).toBe(1);
      expect((await health(lab)).etcd2).not.toBe('healthy');
      await etcd2.must('mv', `${dataDir}.away`, dataDir);
      await etcd2.must('systemctl', 'start', 'etcd');
      await healthy(lab);
    });

    test('systemd itself, when etcd dies and its data is gone, does not start it either', async () => {
      await etcd2.must('mv', dataDir, `${dataDir}.away`);
      await kill(etcd2, 'etcd');
      await until('systemd gives it up', 60_000, async () =>
        asExpected(await property(etcd2, 'etcd', 'ConditionResult'), 'no'),
      );
      expect(await property(etcd2, 'etcd', 'ActiveState')).toBe('inactive');
      expect((await etcd2.run('test', '-e', dataDir)).code).toBe(1);
      await etcd2.must('mv', `${dataDir}.away`, dataDir);
      await etcd2.must('systemctl', 'start', 'etcd');
      await healthy(lab);
    });
  });

  describe('the systemd adapter, called on a host', () => {
    test('whose agent rests meanwhile: after a stop it would look at the disk before any start', async () => {
      await etcd2.must('systemctl', 'stop', 'etcd-agent');
    });

    test('ends etcd politely, knows that it was a stop, and starts it again', async () => {
      const states = await callServices(
        etcd2,
        `await see('running');
         await services.stop(15_000);
         await see('stopped');
         await services.stop(15_000);
         // As the agent does it once it has compared the disk: a stop has taken the clearance away.
         seen.cleared = existsSync('/run/etcd-agent/cleared');
         writeFileSync('/run/etcd-agent/cleared', '');
         await services.start();
         await see('started');`,
      );
      expect(states).toEqual({
        running: expect.objectContaining({ kind: 'active', pid: expect.any(Number) }),
        stopped: { kind: 'inactive', result: 'success', enabled: 'yes' },
        cleared: false,
        started: expect.objectContaining({ kind: expect.stringMatching(/^(activating|active)$/) }),
      });
      await healthy(lab);
    });

    test('kills an etcd that does not end by the deadline, and says that it was killed', async () => {
      // A signal that etcd takes no notice of.
      etcd2.write(deafDropIn, '[Service]\nKillSignal=SIGWINCH\n');
      await etcd2.must('systemctl', 'daemon-reload');
      const states = await callServices(etcd2, `await services.stop(500); await see('killed');`);
      expect(states.killed).toEqual({
        kind: 'failed',
        result: 'signal',
        lastExit: { kind: 'signalled', signal: 'SIGKILL' },
        endsInARow: 0,
        enabled: 'yes',
      });
      await etcd2.must('rm', deafDropIn);
      await etcd2.must('systemctl', 'daemon-reload');
      await callServices(etcd2, 'await services.start();');
      await healthy(lab);
    });

    test('finds an etcd that ended three times within a minute failed, knows its last words, and starts it', async () => {
      etcd2.write(
        brokenDropIn,
        '[Service]\nExecStart=\nExecStart=/bin/sh -c "echo no space left >&2; exit 7"\n',
      );
      await etcd2.must('systemctl', 'daemon-reload');
      await kill(etcd2, 'etcd');
      await until('systemd gives it up', 60_000, async () =>
        asExpected(await property(etcd2, 'etcd', 'ActiveState'), 'failed'),
      );
      const seen = await callServices(
        etcd2,
        `await see('state'); seen.words = await services.lastWords(2_000);`,
      );
      expect(seen.state).toMatchObject({
        kind: 'failed',
        lastExit: { kind: 'exited', code: 7 },
        // The kill, and the three tries.
        endsInARow: 4,
      });
      expect(seen.words).toContain('no space left');
      const tries = async () => {
        await etcd2.must('journalctl', '--sync');
        return (await etcd2.must('journalctl', '-u', 'etcd', '-o', 'cat')).split('no space left').length - 1;
      };
      expect(await tries()).toBe(3);
      // A person's start is refused now. The adapter's begins the count anew.
      expect((await etcd2.run('systemctl', 'start', 'etcd')).code).toBe(1);
      expect(await tries()).toBe(3);
      const again = await callServices(
        etcd2,
        `await services.start();
         for (let n = 0; n < 600 && (await services.observe()).kind !== 'failed'; n++) await pause(100);
         await see('state');`,
      );
      expect(again.state).toMatchObject({ kind: 'failed', endsInARow: 3 });
      expect(await tries()).toBe(6);
      await etcd2.must('rm', brokenDropIn);
      await etcd2.must('systemctl', 'daemon-reload');
      await callServices(etcd2, 'await services.start();');
      await healthy(lab);
    });

    test('tells a start that rule one refused from a stop', async () => {
      await etcd2.must('systemctl', 'stop', 'etcd');
      await etcd2.must('mv', dataDir, `${dataDir}.away`);
      const states = await callServices(
        etcd2,
        `writeFileSync('/run/etcd-agent/cleared', '');
         await services.start();
         for (let n = 0; n < 600 && (await services.observe()).kind !== 'conditionFailed'; n++) await pause(100);
         await see('refused');`,
      );
      expect(states.refused).toMatchObject({ kind: 'conditionFailed' });
      await etcd2.must('mv', `${dataDir}.away`, dataDir);
      await etcd2.must('systemctl', 'start', 'etcd');
      await healthy(lab);
    });
  });

  test('healing is resumed', async () => {
    await etcd2.must('systemctl', 'start', 'etcd-agent');
    await until('the agent is back', 60_000, async () => agentSeen(lab, 'etcd2'));
    expect(await lab.coordinator(['heal', 'resume'])).toMatchObject({ code: 0 });
  });

  describe('the agent’s unit', () => {
    test('opens what the data of etcd needs, and check says of the rest what opens it', async () => {
      const closed = `
        import { closedPlaceOf } from '@etcd-agent/platform';
        const seen = {};
        for (const path of ['/home/x', '/root/x', '/tmp/x', '/usr/x', '/usr/local/lib/etcd-agent/x', '/var/lib/etcd/x', '/data/x', '/srv/x'])
          seen[path] = (await closedPlaceOf(path))?.setting ?? 'open';
        process.stdout.write(JSON.stringify(seen));`;
      const inItsMounts = ['nsenter', '-t', await mainPid(etcd0, 'etcd-agent'), '-m'];
      const inTests = ['env', '-C', `${checkoutInHost}/test`, nodeInHost, '--input-type=module', '-e'];
      expect(JSON.parse(await etcd0.must('env', ...inItsMounts, ...inTests, closed))).toEqual({
        '/home/x': 'ProtectHome',
        '/root/x': 'ProtectHome',
        '/tmp/x': 'PrivateTmp',
        '/usr/x': 'ProtectSystem',
        '/usr/local/lib/etcd-agent/x': 'open',
        '/var/lib/etcd/x': 'open',
        '/data/x': 'open',
        '/srv/x': 'open',
      });
      // What is mounted after the agent was started is there for it, too: a disk for the data, say.
      await etcd0.must('sh', '-c', 'mkdir /data && mount -t tmpfs tmpfs /data && touch /data/seen');
      await etcd0.must('env', ...inItsMounts, 'sh', '-c', 'rm /data/seen && mkdir -p /data/etcd');
      expect(await etcd0.must('ls', '/data')).toBe('etcd');
      await etcd0.must('umount', '/data');
      // A program that is not let into the sandbox, as an installation is: it goes through systemd.
      await etcd0.must(
        'env',
        ...inItsMounts,
        'systemd-run',
        '--quiet',
        '--wait',
        '--pipe',
        '/bin/touch',
        '/usr/made',
      );
      await etcd0.must('rm', '/usr/made');
    });

    test('says in systemctl status who the node is and how it is', async () => {
      await until('its status', 60_000, async () =>
        asExpected(
          await property(etcd1, 'etcd-agent', 'StatusText'),
          'etcd1 of etcd-cluster, generation 1: healthy',
        ),
      );
      expect((await etcd1.run('systemctl', 'status', '--no-pager', 'etcd-agent')).stdout).toContain(
        'Status: "etcd1 of etcd-cluster, generation 1: healthy"',
      );
    });

    test('ends by its watchdog an agent that stands still, and one whose loop never comes round, and leaves etcd alone', async () => {
      const short = async (host: Host) => {
        host.write(watchdogDropIn, '[Service]\nWatchdogSec=8s\n');
        await host.must('systemctl', 'daemon-reload');
        await host.must('systemctl', 'restart', 'etcd-agent');
        expect(await property(host, 'etcd-agent', 'WatchdogUSec')).toBe('8s');
      };
      const ended = async (host: Host, harm: (pid: string) => string, limitMs: number) => {
        await short(host);
        const [agent, etcd] = [await mainPid(host, 'etcd-agent'), await mainPid(host, 'etcd')];
        const began = performance.now();
        await host.must('sh', '-c', harm(agent));
        await another(host, 'etcd-agent', agent, limitMs);
        process.stderr.write(
          `hosts: ${host.name}: the watchdog took ${Math.round(performance.now() - began)} ms\n`,
        );
        await host.must('sh', '-c', `[ ! -p ${etcdConf} ] || rm ${etcdConf}`);
        await until('the agent is back', 60_000, async () => agentSeen(lab, host.name));
        expect(await mainPid(host, 'etcd')).toBe(etcd);
        expect(await property(host, 'etcd-agent', 'NRestarts')).toBe('1');
        const log = await host.must('journalctl', '-u', 'etcd-agent', '-o', 'cat');
        expect(log).toContain('Watchdog timeout');
        await host.must('rm', watchdogDropIn);
        await host.must('systemctl', 'daemon-reload');
        await host.must('systemctl', 'restart', 'etcd-agent');
        return log;
      };
      const [, log] = await Promise.all([
        ended(etcd0, (pid) => `kill -STOP ${pid}`, 60_000),
        // Whoever reads it waits for a writer, for ever: the event loop turns, and the work does not.
        ended(etcd1, () => `rm ${etcdConf} && mkfifo ${etcdConf}`, 120_000),
      ]);
      expect(log).toContain('stands still');
      await until('etcd.conf is there', 30_000, async () =>
        asExpected(`${(await etcd1.run('test', '-f', etcdConf)).code}`, '0'),
      );
      for (const name of hostNames)
        await until('the agent is back', 60_000, async () => agentSeen(lab, name));
    });
  });

  describe('what may end without harm', () => {
    test('an agent that is restarted, or killed, leaves etcd running and comes back', async () => {
      const before = await mainPid(etcd1, 'etcd');
      await etcd1.must('systemctl', 'restart', 'etcd-agent');
      await kill(etcd1, 'etcd-agent');
      await until('the agent is back', 60_000, async () => agentSeen(lab, 'etcd1'));
      expect(await property(etcd1, 'etcd-agent', 'NRestarts')).toBe('1');
      expect(await mainPid(etcd1, 'etcd')).toBe(before);
    });

    test('an etcd that is killed runs again, by systemd alone', async () => {
      await etcd1.must('systemctl', 'reset-failed', 'etcd');
      await etcd1.must('systemctl', 'stop', 'etcd-agent');
      const before = await mainPid(etcd1, 'etcd');
      await kill(etcd1, 'etcd');
      await another(etcd1, 'etcd', before);
      await etcd1.must('systemctl', 'start', 'etcd-agent');
      await healthy(lab);
    });

    test('after a boot neither systemd nor a person starts etcd before the agent has cleared it', async () => {
      await etcd0.must('systemctl', 'disable', 'etcd-agent');
      await etcd0.powerCut();
      await etcd0.boot();
      expect(await property(etcd0, 'etcd', 'UnitFileState')).toBe('enabled');
      await until('systemd has tried', 60_000, async () =>
        asExpected(await property(etcd0, 'etcd', 'ConditionResult'), 'no'),
      );
      await etcd0.must('systemctl', 'start', 'etcd');
      expect(await property(etcd0, 'etcd', 'ActiveState')).toBe('inactive');
      expect((await callServices(etcd0, `await see('state');`)).state).toMatchObject({
        kind: 'conditionFailed',
        why: expect.stringContaining('clearance'),
      });
      await etcd0.must('systemctl', 'enable', '--now', 'etcd-agent');
      await healthy(lab);
    });

    test('a host that is shut down and switched on again has its agent and a healthy member', async () => {
      await etcd0.shutDown();
      await etcd0.boot();
      await healthy(lab);
      await until('the agent is back', 60_000, async () => agentSeen(lab, 'etcd0'));
    });
  });
}
