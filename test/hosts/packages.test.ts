/**
 * The packages on hosts that have nothing else of ours, Node included: the .deb on two Debians, the .rpm by dnf
 * from a repository of files, where the agent then gets etcd by dnf too. One story, from the installation to the
 * purge. The host with dnf is a Debian that says it is an EL: what EL's own packages would provide is provided
 * there by a package without files, and Debian's files stand for theirs.
 */
import { copyFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from './lab/commands.js';
import { asEl8, dnf, publish, publishEtcd, withRepositoryAway } from './lab/el8.js';
import { etcdWanted, installEtcd } from './lab/etcd-wanted.js';
import { type Equipment, fromPackage, type Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { agentSeen, check, enrol, healthy, initialise, listening, unitOf } from './lab/operator.js';
import { agentPackage, coordinatorRpm, newerAgentPackage, packageMsMax, patient } from './lab/packages.js';
import type { HostName } from './lab/places.js';
import { mainPid, property } from './lab/services.js';
import * as ssh from './lab/ssh.js';
import { story } from './lab/story.js';

const dataDir = '/var/lib/etcd/default.etcd';
const dropIn = '/etc/systemd/system/etcd.service.d/zz-etcd-agent.conf';
const clearanceCondition = /^ConditionPathExists=\/run\/etcd-agent\/cleared$/m;
const nextCommand = 'Next: systemctl enable --now etcd-agent';

const equipment: Partial<Record<HostName, Equipment>> = {
  etcd0: { layers: [], checkout: 'no' },
  etcd1: fromPackage,
  etcd2: { layers: ['dnf'], checkout: 'no' },
};

/** As the root file system's, which the other two hosts have: a cluster does not begin mixed. */
const etcdVersion = '3.4.23';

await story(
  // What a host does not survive here is not told: dpkg need not wait for the disk at every file.
  (host) => {
    host.write('/etc/dpkg/dpkg.cfg.d/lab', 'force-unsafe-io\n');
    if (host.name === 'etcd2') asEl8(host);
  },
  tell,
  { equip: (name) => equipment[name] ?? fromPackage },
);

function tell(lab: Lab): void {
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];

  describe('installation', () => {
    test('no host has a Node, two have nothing of ours, one has no etcd and no account for it', async () => {
      for (const host of lab.hosts) expect((await host.run('sh', '-c', 'command -v node')).code).not.toBe(0);
      for (const host of [etcd0, etcd2])
        expect((await host.run('test', '-e', '/usr/bin/etcd-agent')).code).toBe(1);
      expect((await etcd2.run('sh', '-c', 'command -v etcd || id etcd')).code).not.toBe(0);
    });

    test('the .deb by apt-get: nothing is enabled or started, and the next command is said once', async () => {
      const output = await aptInstall(etcd0, (await agentPackage()).deb);
      expect(output.split(nextCommand)).toHaveLength(2);
      await atRest(etcd0);
      expect(await etcd0.must('dpkg', '--verify', 'etcd-agent')).toBe('');
    });

    test('the .rpm by dnf: the same, and it requires nothing that EL 8 does not have', async () => {
      await publish(etcd2, (await agentPackage()).rpm, await coordinatorRpm());
      const output = await dnf(etcd2, 'install', 'etcd-agent');
      expect(output.split(nextCommand)).toHaveLength(2);
      await atRest(etcd2);
      expect(await etcd2.must('rpm', '--verify', '--nodeps', 'etcd-agent')).toBe('');
    });

    test('the same agent, its manual page and its completion are on all hosts', async () => {
      for (const host of lab.hosts) {
        expect(await host.must('etcd-agent', '--version')).toBe((await agentPackage()).version);
        await host.must('test', '-s', '/usr/share/man/man8/etcd-agent.8.gz');
        expect(await completed(host, 'etcd-agent', 'en')).toBe('enrol');
      }
    });

    test('the .rpm of the coordinator by dnf works, with its manual page and its completion', async () => {
      await dnf(etcd2, 'install', 'etcd-coordinator');
      expect(await etcd2.must('rpm', '--verify', '--nodeps', 'etcd-coordinator')).toBe('');
      const version = await etcd2.must('rpm', '-q', '--qf', '%{VERSION}', 'etcd-coordinator');
      expect(await etcd2.must('coordinator', '--version')).toBe(version);
      await etcd2.must('test', '-s', '/usr/share/man/man1/coordinator.1.gz');
      expect(await completed(etcd2, 'coordinator', 'boo')).toBe('bootstrap');
      // A key of RSA takes a minute here.
      const template =
        'coordinator template | sed "s/key: .*/key: { algo: ecdsa, size: 256 }/" >/root/cluster.yaml';
      await etcd2.must('sh', '-c', `${template} && coordinator init -f /root/cluster.yaml`);
    });

    test('and its removal leaves what it keeps: the authorities, the topology', async () => {
      const kept = 'find /var/lib/etcd-coordinator -type f -exec sha256sum {} + | sort';
      const before = await etcd2.must('sh', '-c', kept);
      expect(before).toContain('/ca/etcd-root-ca-key.pem');
      const said = await dnf(etcd2, 'remove', 'etcd-coordinator');
      expect(said).toContain('Left: /var/lib/etcd-coordinator, with the keys of the CAs');
      expect((await etcd2.run('ls', '/usr/bin/coordinator', '/usr/lib/etcd-coordinator')).stdout).toBe('');
      expect(await etcd2.must('sh', '-c', kept)).toBe(before);
    });
  });

  test('three agents, from two kinds of package, are enrolled', async () => {
    await initialise(lab);
    for (const host of lab.hosts) {
      await host.must('systemctl', 'enable', '--now', 'etcd-agent');
      await listening(host);
      await enrol(lab, host);
    }
  });

  describe('etcd by dnf', () => {
    test('check says that it is dnf’s to install', async () => {
      await etcdWanted(lab, '{ from: package }');
      const { findings } = await check(lab);
      const etcd = findings.filter((finding) => finding.check === 'etcd');
      expect(etcd.map(({ node, message }) => `${node}: ${message}`)).toEqual([
        `etcd0: /usr/bin/etcd ${etcdVersion}`,
        `etcd1: /usr/bin/etcd ${etcdVersion}`,
        'etcd2: bootstrap installs it: etcd by dnf',
      ]);
    });

    test('a host says that it does not reach its repositories, or that they have none', async () => {
      const away = await withRepositoryAway(etcd2, () => installEtcd(lab, 'etcd2'));
      expect(away.code).not.toBe(0);
      expect(away.rows[0]!.message).toContain('that host does not reach its repositories');
      expect(away.rows[0]!.message).toContain("Failed to download metadata for repo 'baseos'");
      const { code, rows, stderr } = await installEtcd(lab, 'etcd2');
      expect(code).not.toBe(0);
      expect(rows[0]!.message).toContain('the repositories of this host have no etcd');
      expect(stderr).toContain('from: file');
    });

    test('it is installed, and neither enabled nor started', async () => {
      await publishEtcd(etcd2, etcdVersion);
      expect(await installEtcd(lab, 'etcd2')).toMatchObject({
        code: 0,
        rows: [{ node: 'etcd2', result: 'installed', message: `/usr/bin/etcd ${etcdVersion}` }],
      });
      expect(await etcd2.must('rpm', '-qf', '/usr/bin/etcd')).toContain(`etcd-${etcdVersion}-1.`);
      expect(await dnf(etcd2, 'history', 'info', 'last')).toMatch(/^Command Line +: -y -q install etcd$/m);
      expect(await property(etcd2, 'etcd', 'FragmentPath')).toMatch(/^(\/usr)?\/lib\/systemd\//);
      expect(await property(etcd2, 'etcd', 'UnitFileState')).toBe('disabled');
      expect(await property(etcd2, 'etcd', 'ActiveState')).toBe('inactive');
      expect(await etcd2.must('ls', '/var/lib/etcd')).toBe('');
    });

    test('its unit will be taken over, says check, and the bootstrap does it', async () => {
      expect(unitOf((await check(lab)).findings, 'etcd2')).toMatchObject({
        result: 'warn',
        message: expect.stringContaining('--name'),
      });
      expect(await lab.coordinator(['bootstrap', '--yes'])).toMatchObject({ code: 0 });
      await healthy(lab);
      const pid = await mainPid(etcd2, 'etcd');
      expect(await etcd2.must('readlink', `/proc/${pid}/exe`)).toBe('/usr/bin/etcd');
      expect(await etcd2.must('stat', '-c', '%U', `/proc/${pid}`)).toBe('etcd');
      expect(await property(etcd2, 'etcd', 'ExecStart')).not.toContain('bash');
      expect(await etcd2.must('cat', '/etc/etcd/etcd.conf')).not.toContain('localhost:2379');
      expect(await property(etcd2, 'etcd', 'UnitFileState')).toBe('enabled');
    });
  });

  describe('an upgrade', () => {
    test('of the .deb over ssh restarts the agent and not etcd, and keeps what was configured', async () => {
      await ssh.makeOperator({});
      for (const host of [etcd0, etcd2]) {
        await ssh.startSshd(host);
        await ssh.authorise(host, 'root');
        await ssh.makeKnown(host);
      }
      await upgraded(lab, etcd0, async () =>
        overSsh(lab, etcd0, (await newerAgentPackage()).deb, 'upgraded'),
      );
    });

    test('of the .rpm by dnf, which has a newer one in its repository', async () => {
      await publish(etcd2, (await newerAgentPackage()).rpm);
      await upgraded(lab, etcd2, () => dnf(etcd2, 'upgrade', 'etcd-agent'));
    });

    test('does not start an agent that somebody has stopped', async () => {
      await etcd1.must('systemctl', 'stop', 'etcd-agent');
      const etcd = await mainPid(etcd1, 'etcd');
      await aptInstall(etcd1, (await newerAgentPackage()).deb);
      expect(await property(etcd1, 'etcd-agent', 'ActiveState')).toBe('inactive');
      expect(await mainPid(etcd1, 'etcd')).toBe(etcd);
      await etcd1.must('systemctl', 'start', 'etcd-agent');
      await back(lab, 'etcd1');
    });
  });

  describe('a removal', () => {
    test('of the .deb leaves etcd running, with its data, certificates and unit', async () => {
      const [etcd, conf] = [
        await mainPid(etcd0, 'etcd'),
        await etcd0.must('sh', '-c', 'sha256sum /etc/etcd/*'),
      ];
      expect(await etcd0.must('cat', dropIn)).toMatch(clearanceCondition);
      const output = await patient(etcd0, 'apt-get', 'remove', '-y', '-q', 'etcd-agent');
      expect(output).toContain('etcd starts without an agent from now on');
      await gone(etcd0);
      expect(await mainPid(etcd0, 'etcd')).toBe(etcd);
      expect(await etcd0.must('sh', '-c', 'sha256sum /etc/etcd/*')).toBe(conf);
      await etcd0.must('test', '-e', '/var/lib/etcd-agent/identity.json');
      await healthy(lab);
    });

    test('after which etcd starts at a boot by itself, and never on an empty directory', async () => {
      await etcd0.powerCut();
      await etcd0.boot();
      await healthy(lab);
      await etcd0.must(
        'sh',
        '-c',
        `systemctl stop etcd && mv ${dataDir} ${dataDir}.away && systemctl start etcd`,
      );
      expect(await property(etcd0, 'etcd', 'ConditionResult')).toBe('no');
      await etcd0.must('sh', '-c', `mv ${dataDir}.away ${dataDir} && systemctl start etcd`);
      await healthy(lab);
    });

    test('and an installation takes back: the agent is who it was, and clears the disk again', async () => {
      const etcd = await mainPid(etcd0, 'etcd');
      expect(await aptInstall(etcd0, (await agentPackage()).deb)).toContain(nextCommand);
      await etcd0.must('systemctl', 'enable', '--now', 'etcd-agent');
      await back(lab, 'etcd0');
      expect(await etcd0.must('cat', dropIn)).toMatch(clearanceCondition);
      expect(await property(etcd0, 'etcd', 'NeedDaemonReload')).toBe('no');
      expect(await mainPid(etcd0, 'etcd')).toBe(etcd);
    });

    test('of the .rpm keeps a configuration that was changed, and says how to remove the rest', async () => {
      const etcd = await mainPid(etcd2, 'etcd');
      const output = await dnf(etcd2, 'remove', 'etcd-agent');
      expect(output).toContain('rm -rf /var/lib/etcd-agent /etc/etcd-agent');
      await gone(etcd2);
      expect(await etcd2.must('cat', '/etc/etcd-agent/agent.yaml.rpmsave')).toContain('logLevel: debug');
      expect(await etcd2.must('cat', dropIn)).not.toMatch(clearanceCondition);
      expect(await mainPid(etcd2, 'etcd')).toBe(etcd);
    });

    test('of the .rpm is taken back over ssh, by dnf there, with a repository that is away', async () => {
      const etcd = await mainPid(etcd2, 'etcd');
      const { rpm } = await agentPackage();
      await withRepositoryAway(etcd2, () => overSsh(lab, etcd2, rpm, 'installed'));
      expect(await etcd2.must('rpm', '-q', '--qf', '%{VERSION}', 'etcd-agent')).toBe(
        (await agentPackage()).version,
      );
      await back(lab, 'etcd2');
      expect(await etcd2.must('cat', dropIn)).toMatch(clearanceCondition);
      expect(await mainPid(etcd2, 'etcd')).toBe(etcd);
    });

    test('while etcd is held back keeps it so, and says how to start it all the same', async () => {
      await etcd1.must('systemctl', 'stop', 'etcd-agent', 'etcd');
      const output = await patient(etcd1, 'apt-get', 'remove', '-y', '-q', 'etcd-agent');
      await etcd1.must('systemctl', 'start', 'etcd');
      expect(await property(etcd1, 'etcd', 'ActiveState')).toBe('inactive');
      const command = /^ {2}(mv .*)$/m.exec(output)?.[1];
      await etcd1.must('sh', '-c', command ?? `echo no command in: ${output}; exit 1`);
      await healthy(lab);
    });
  });

  test('a purge says what it removes and what it leaves, and etcd goes on', async () => {
    // What somebody may want back: a snapshot that an agent took, and an etcd of somebody's own.
    const [snapshots, wal] = ['/var/lib/etcd-agent/snapshots', '/etc/etcd-agent/own/member/wal'];
    await etcd0.must('sh', '-c', `mkdir -p ${snapshots} && touch ${snapshots}/a.snapshot.db`);
    await etcd1.must('sh', '-c', `mkdir -p ${wal} && touch ${wal}/0.wal`);
    for (const host of [etcd0, etcd1]) {
      const etcd = await mainPid(host, 'etcd');
      const output = await patient(host, 'apt-get', 'purge', '-y', '-q', 'etcd-agent');
      expect(output).toContain('Removed: /var/lib/etcd-agent');
      expect(output).toContain('Left: etcd, its data');
      if (host === etcd0) {
        expect(output).toContain("but for snapshots of etcd's data in");
        expect(await host.must('find', '/var/lib/etcd-agent', '-type', 'f')).toBe(
          `${snapshots}/a.snapshot.db`,
        );
        expect((await host.run('test', '-e', '/etc/etcd-agent')).code).toBe(1);
      } else {
        expect(output).toContain('Left: /etc/etcd-agent, which holds data of an etcd.');
        await host.must('test', '-e', `${wal}/0.wal`);
        expect((await host.run('test', '-e', '/var/lib/etcd-agent')).code).toBe(1);
      }
      for (const path of ['/etc/etcd/etcd.pem', dropIn, `${dataDir}/member/wal`])
        await host.must('test', '-e', path);
      expect(await mainPid(host, 'etcd')).toBe(etcd);
    }
    await healthy(lab);
  });
}

/** Installed and nothing more. */
async function atRest(host: Host): Promise<void> {
  expect(await property(host, 'etcd-agent', 'LoadState')).toBe('loaded');
  expect(await property(host, 'etcd-agent', 'UnitFileState')).toBe('disabled');
  expect(await property(host, 'etcd-agent', 'ActiveState')).toBe('inactive');
  expect(await property(host, 'etcd', 'ActiveState')).toBe('inactive');
  expect(await host.must('stat', '-c', '%a %U:%G', '/var/lib/etcd-agent')).toBe('700 root:root');
  await host.must('getent', 'passwd', 'etcd');
}

/** The agent, and nothing else. */
async function gone(host: Host): Promise<void> {
  expect(await property(host, 'etcd-agent', 'LoadState')).toBe('not-found');
  expect(
    (
      await host.run(
        'sh',
        '-c',
        'ls -d /usr/bin/etcd-agent /usr/lib/etcd-agent; grep -l etcd-agent/bin/nod[e] /proc/[0-9]*/cmdline',
      )
    ).stdout,
  ).toBe('');
  expect((await host.run('systemctl', 'is-enabled', 'etcd-agent')).stdout.trim()).not.toBe('enabled');
}

async function upgraded(lab: Lab, host: Host, upgrade: () => Promise<string>): Promise<void> {
  await host.must('sh', '-c', 'echo "logLevel: debug" >>/etc/etcd-agent/agent.yaml');
  const [etcd, agent] = [await mainPid(host, 'etcd'), await mainPid(host, 'etcd-agent')];
  const output = await upgrade();
  expect(await host.must('etcd-agent', '--version'), output).toBe((await newerAgentPackage()).version);
  expect(await mainPid(host, 'etcd-agent')).not.toBe(agent);
  expect(await mainPid(host, 'etcd')).toBe(etcd);
  expect(await property(host, 'etcd', 'NRestarts')).toBe('0');
  expect(await host.must('cat', '/etc/etcd-agent/agent.yaml')).toContain('logLevel: debug');
  await back(lab, host.name);
}

async function back(lab: Lab, name: HostName): Promise<void> {
  await until('the agent is back', 60_000, async () => agentSeen(lab, name));
}

/** Hosts have no route to anywhere, so all that it needs is there already. */
async function aptInstall(host: Host, deb: string): Promise<string> {
  const inHost = `/var/tmp/${basename(deb)}`;
  copyFileSync(deb, host.path(inHost));
  return patient(host, 'apt-get', 'install', '-y', '-q', '--allow-downgrades', inHost);
}

/** `coordinator install` with this package on one host, which ends in this result. */
async function overSsh(lab: Lab, { name }: Host, file: string, result: string): Promise<string> {
  const words = ['install', name, '--package', file, '--ssh-config', ssh.sshConfig, '-o', 'json'];
  const { stdout, stderr } = await lab.coordinator(words, { timeoutMs: packageMsMax });
  const [row] = (JSON.parse(stdout || '{"nodes":[]}') as { nodes: unknown[] }).nodes;
  expect(row, stderr).toMatchObject({ node: name, result });
  return stderr;
}

/** What bash makes of the first word behind a command. */
function completed(host: Host, command: string, begun: string): Promise<string> {
  const source = `source /usr/share/bash-completion/completions/${command}`;
  const ask = `COMP_WORDS=(${command} ${begun}); COMP_CWORD=1; _${command.replaceAll('-', '_')}`;
  return host.must('bash', '-c', `${source}; ${ask}; echo $COMPREPLY`);
}
