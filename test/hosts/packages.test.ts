/**
 * The packages on hosts that have nothing else of ours, Node included: the .deb on two Debians, the .rpm by dnf from a
 * repository of files. One story, from the installation to the purge. The host with dnf is a Debian as well: what EL's own
 * packages would provide is provided there by a package without files, and Debian's files stand for theirs.
 */
import { copyFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { describe as describeOutput, until } from './lab/commands.js';
import { type Equipment, fromPackage, type Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { agentSeen, enrol, healthy, initialise, listening } from './lab/operator.js';
import { type AgentPackage, agentPackage, newerAgentPackage } from './lab/packages.js';
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

/** A package is a hundred megabytes to unpack. */
const packageMsMax = 180_000;

await story(
  // What a host does not survive here is not told: dpkg need not wait for the disk at every file.
  (host) => host.write('/etc/dpkg/dpkg.cfg.d/lab', 'force-unsafe-io\n'),
  tell,
  { equip: (name) => equipment[name] ?? fromPackage },
);

function tell(lab: Lab): void {
  vi.setConfig({ testTimeout: 2 * packageMsMax });
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];

  describe('installation', () => {
    test('no host has a Node, and two have nothing of ours', async () => {
      for (const host of lab.hosts) expect((await host.run('sh', '-c', 'command -v node')).code).not.toBe(0);
      for (const host of [etcd0, etcd2])
        expect((await host.run('test', '-e', '/usr/bin/etcd-agent')).code).toBe(1);
    });

    test('the .deb by apt-get: nothing is enabled or started, and the next command is said once', async () => {
      const output = await aptInstall(etcd0, (await agentPackage()).deb);
      expect(output.split(nextCommand)).toHaveLength(2);
      await atRest(etcd0);
      expect(await etcd0.must('dpkg', '--verify', 'etcd-agent')).toBe('');
    });

    test('the .rpm by dnf: the same', async () => {
      await publish(etcd2, await agentPackage());
      const output = await dnf(etcd2, 'install', 'etcd-agent');
      expect(output.split(nextCommand)).toHaveLength(2);
      await atRest(etcd2);
      expect(await etcd2.must('rpm', '--verify', '--nodeps', 'etcd-agent')).toBe('');
    });

    test('the same agent, its manual page and its completion are on all hosts', async () => {
      for (const host of lab.hosts) {
        expect(await host.must('etcd-agent', '--version')).toBe((await agentPackage()).version);
        await host.must('test', '-s', '/usr/share/man/man8/etcd-agent.8.gz');
        const complete =
          'source /usr/share/bash-completion/completions/etcd-agent; COMP_WORDS=(etcd-agent en); COMP_CWORD=1; _etcd_agent; echo $COMPREPLY';
        expect(await host.must('bash', '-c', complete)).toBe('enrol');
      }
    });
  });

  test('three agents, from two kinds of package, bootstrap a cluster', async () => {
    await initialise(lab);
    for (const host of lab.hosts) {
      await host.must('systemctl', 'enable', '--now', 'etcd-agent');
      await listening(host);
      await enrol(lab, host);
    }
    expect(await lab.coordinator(['bootstrap', '--yes'])).toMatchObject({ code: 0 });
    await healthy(lab);
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
      await publish(etcd2, await newerAgentPackage());
      await upgraded(lab, etcd2, () => dnf(etcd2, 'upgrade', 'etcd-agent'));
    });

    test('does not start an agent that somebody has stopped', async () => {
      await etcd1.must('systemctl', 'stop', 'etcd-agent');
      const etcd = await mainPid(etcd1, 'etcd');
      await aptInstall(etcd1, (await newerAgentPackage()).deb);
      expect(await property(etcd1, 'etcd-agent', 'ActiveState')).toBe('inactive');
      expect(await mainPid(etcd1, 'etcd')).toBe(etcd);
      await etcd1.must('systemctl', 'start', 'etcd-agent');
      await until('the agent is back', 15_000, async () => agentSeen(lab, 'etcd1'));
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
      await until('the agent is back', 15_000, async () => agentSeen(lab, 'etcd0'));
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

    test('of the .rpm is taken back over ssh, by dnf there', async () => {
      const etcd = await mainPid(etcd2, 'etcd');
      await overSsh(lab, etcd2, (await agentPackage()).rpm, 'installed');
      expect(await etcd2.must('rpm', '-q', '--qf', '%{VERSION}', 'etcd-agent')).toBe(
        (await agentPackage()).version,
      );
      await until('the agent is back', 15_000, async () => agentSeen(lab, 'etcd2'));
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
  await until('the agent is back', 15_000, async () => agentSeen(lab, host.name));
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

async function patient(host: Host, program: string, ...args: string[]): Promise<string> {
  const output = await host.runWith({ timeoutMs: packageMsMax }, program, ...args);
  if (output.code !== 0) throw new Error(`on ${host.name}: ${describeOutput([program, ...args], output)}`);
  return output.stdout;
}

const repository = '/srv/packages';

/** Puts the package into the host's repository of files, beside the one that stands for EL's own. */
async function publish(host: Host, { rpm }: AgentPackage): Promise<void> {
  await host.must('mkdir', '-p', repository);
  const settings = ['name=local', `baseurl=file://${repository}`, 'gpgcheck=0', 'metadata_expire=1'];
  host.write('/etc/yum.repos.d/local.repo', `[local]\n${settings.join('\n')}\n`);
  copyFileSync(rpm, host.path(`${repository}/${basename(rpm)}`));
  if ((await host.run('test', '-e', `${repository}/distribution.spec`)).code !== 0) {
    const needs = (await host.must('rpm', '-qpR', `${repository}/${basename(rpm)}`)).split('\n');
    const provided = [...new Set(needs.filter((need) => !/^(rpmlib|config)\(/.test(need)))];
    host.write(`${repository}/distribution.spec`, distributionSpec(provided));
    const define = ['--define', `_rpmdir ${repository}`, '--define', '_topdir /var/tmp/rpmbuild'];
    await patient(host, 'rpmbuild', '-bb', '--quiet', ...define, `${repository}/distribution.spec`);
  }
  await patient(host, 'createrepo_c', '-q', repository);
}

function distributionSpec(provides: readonly string[]): string {
  return `Name: distribution
Version: 1
Release: 1
Summary: What Debian has and no RPM says
License: none
BuildArch: noarch
AutoReqProv: no
${provides.map((each) => `Provides: ${each}`).join('\n')}
%description
%files
`;
}

function dnf(host: Host, ...words: string[]): Promise<string> {
  return patient(host, 'dnf', '-y', '--releasever=1', ...words);
}
