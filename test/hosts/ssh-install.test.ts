/**
 * `coordinator install` over real sshd on three booted hosts, with everything that goes wrong there: etcd0 was made by hand, etcd1
 * is reached as an account with sudo, etcd2 through etcd0 only. One story, told in order.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from './lab/commands.js';
import type { Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { healthy, initialise, listening } from './lab/operator.js';
import { hostAddresses } from './lab/places.js';
import { mainPid, property } from './lab/services.js';
import { holdPackages, putIntoRepository, smallDeb } from './lab/small-deb.js';
import * as ssh from './lab/ssh.js';
import { story } from './lab/story.js';

interface Row {
  readonly node: string;
  readonly result: string;
  readonly version: string | null;
  readonly steps: readonly string[];
  readonly kept: readonly string[];
  readonly error?: {
    readonly exit: string;
    readonly what: string;
    readonly cause?: string;
    readonly next?: string;
  };
}

// Each host has this checkout, no agent, and no package lists.
await story((host) => {
  rmSync(host.path('/usr/bin/etcd-agent'));
  // As on a host that has never been online; reading them takes apt seconds.
  rmSync(host.path('/var/lib/apt/lists'), { recursive: true });
}, tell);

function tell(lab: Lab): void {
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];
  const before = developersFiles();
  const options = (deb: string) => ['--package', deb, '--ssh-config', ssh.sshConfig, '-o', 'json'];
  let deb = '';

  const install = async (...words: string[]) => {
    const { code, stdout, stderr } = await lab.coordinator(['install', ...words, ...options(deb)]);
    if (stdout === '') throw new Error(`coordinator install printed nothing: ${stderr}`);
    const { nodes } = JSON.parse(stdout) as { nodes: Row[] };
    return { code, stderr, ...Object.fromEntries(nodes.map((row) => [row.node, row])) } as {
      code: number | null;
      stderr: string;
      [node: string]: Row | unknown;
    } & Record<'etcd0' | 'etcd1' | 'etcd2', Row>;
  };

  test('an operator has a key, a configuration with a jump host, and packages', async () => {
    await initialise(lab);
    deb = await smallDeb('0.1.0');
    await ssh.makeOperator({ etcd1: 'User ann', etcd2: `ProxyJump ${hostAddresses.etcd0}` });
    await etcd1.must('useradd', '--create-home', '--shell', '/bin/bash', 'ann');
    await Promise.all([etcd0, etcd1].map(ssh.startSshd));
    for (const host of [etcd0, etcd2]) await ssh.authorise(host, 'root');
    await ssh.makeKnown(etcd0);
  });

  test('without ssh: the three commands that --manual prints for a host, run there as they stand', async () => {
    const { code, stdout } = await lab.coordinator(['install', 'etcd0', '--manual', '--package', deb]);
    expect(code).toBe(0);
    const [first, second, third, ...more] = stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(more).toEqual([]);
    copyFileSync(deb, etcd0.path(join('/root', basename(deb))));
    const token = (await lab.coordinator(['token', 'etcd0'])).stdout;
    const input = { '': '', token };
    for (const [line, given] of [
      [first, ''],
      [second, 'token'],
      [third, ''],
    ] as const) {
      const output = await etcd0.runWith({ input: input[given] }, 'bash', '-c', `cd /root && ${line}`);
      expect(output, output.stderr).toMatchObject({ code: 0 });
    }
    await listening(etcd0);
  });

  describe('what goes wrong on one host', () => {
    test('a host whose key is not known and one without sshd are named; the third is installed all the same', async () => {
      const seen = await install();
      expect(seen.code).toBe(7);
      expect(seen.etcd0).toMatchObject({
        result: 'unchanged',
        kept: ['etcd-agent 0.1.0', 'has the join token', 'runs'],
      });
      expect(seen.etcd1).toMatchObject({
        result: 'failed',
        error: { exit: 'identity', what: expect.stringContaining('host key of etcd1 is not known') },
      });
      expect(seen.etcd2).toMatchObject({ result: 'failed', error: { exit: 'unreachable' } });
      expect(seen.stderr).toContain(`ssh -F ${ssh.sshConfig} ${etcd1.address} once by hand`);
      await ssh.makeKnown(etcd1);
      await ssh.startSshd(etcd2);
      await ssh.makeKnown(etcd2);
    });

    test('a key that the host does not take', async () => {
      const seen = await install('etcd1');
      expect(seen).toMatchObject({
        code: 7,
        etcd1: { error: { what: expect.stringContaining('does not let this account in') } },
      });
      expect(seen.etcd1.error?.next).toContain('ssh-add');
      await ssh.authorise(etcd1, 'ann');
    });

    test('a sudo that wants a password is a refusal, before anything is copied', async () => {
      etcd1.write('/etc/sudoers.d/ann', 'ann ALL=(ALL) ALL\n');
      const seen = await install('etcd1');
      expect(seen).toMatchObject({
        code: 6,
        etcd1: { steps: [], error: { next: expect.stringContaining('NOPASSWD') } },
      });
      etcd1.write('/etc/sudoers.d/ann', 'ann ALL=(ALL) NOPASSWD: ALL\n');
    });
  });

  test('a dry run shows every command and changes nothing', async () => {
    const { code, stdout } = await lab.coordinator(['install', '--dry-run', ...options(deb).slice(0, -2)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^scp .* 192\.168\.124\.23:\/var\/tmp\/etcd-agent-install\.\w+\.X+\/etcd-agent\.deb$/m,
    );
    expect(stdout).toMatch(
      /^ssh .* -- 192\.168\.124\.23 sudo -n etcd-agent enrol --token-file - {4}# the join token/m,
    );
    expect(stdout).toMatch(/^ssh .* -- 192\.168\.124\.24 etcd-agent enrol --token-file -/m);
    expect(await ssh.roomsOn(etcd1)).toEqual([]);
    expect((await etcd1.run('dpkg-query', '-W', 'etcd-agent')).code).not.toBe(0);
  });

  describe('what is broken off', () => {
    const copying = (host: Host) =>
      until('a copy is under way', 120_000, async () => {
        const rooms = await ssh.roomsOn(host);
        const copies = await ssh.processesOn(host, 'sftp-held');
        return rooms.length > 0 && copies.length > 0 ? { value: true } : { notYet: `${rooms} ${copies}` };
      });

    test('a connection that is cut while the package is copied: one failure, and nothing stays there', async () => {
      await ssh.holdCopies(etcd1);
      const running = ssh.startCoordinator(lab, ['install', 'etcd1', ...options(deb)]);
      await copying(etcd1);
      await ssh.cutConnections(etcd1, 'ann');
      const { code, stdout, stderr } = await running.ended;
      expect(code).toBe(5);
      expect(stdout).toContain('was cut');
      expect(stderr).toContain('run the same command again');
      expect(await ssh.roomsOn(etcd1)).toEqual([]);
    });

    test('a coordinator that is killed leaves a directory, which the next run removes', async () => {
      const running = ssh.startCoordinator(lab, ['install', 'etcd1', ...options(deb)]);
      await copying(etcd1);
      running.kill('SIGKILL');
      await running.ended;
      const [left] = await ssh.roomsOn(etcd1);
      const itsCopies = await ssh.processesOn(etcd1, 'sftp-held');
      const next = ssh.startCoordinator(lab, ['install', 'etcd1', ...options(deb)]);
      // Copying, it has heard of its room.
      await until('the next run copies into a room of its own', 120_000, async () => {
        const rooms = await ssh.roomsOn(etcd1);
        const copies = (await ssh.processesOn(etcd1, 'sftp-held')).filter(
          (each) => !itsCopies.includes(each),
        );
        const isOwn = rooms.length === 1 && rooms[0] !== left;
        return isOwn && copies.length > 0 ? { value: true } : { notYet: `${rooms} ${copies}` };
      });
      next.kill('SIGINT');
      const { code, stderr } = await next.ended;
      expect(code).toBe(130);
      expect(stderr).toContain('run the same command again');
      expect(await ssh.roomsOn(etcd1)).toEqual([]);
      await ssh.letCopiesGo(etcd1);
    });

    test('a coordinator that is killed while the package manager works: that ends its work, and tidies up', async () => {
      await etcd1.must('touch', holdPackages);
      const running = ssh.startCoordinator(lab, ['install', 'etcd1', ...options(deb)]);
      await until('the package is unpacked', 120_000, async () => {
        const scripts = await ssh.processesOn(etcd1, 'etcd-agent.postinst');
        return scripts.length > 0 ? { value: true } : { notYet: running.said() };
      });
      running.kill('SIGKILL');
      await running.ended;
      await ssh.cutConnections(etcd1, 'ann');
      await etcd1.must('rm', holdPackages);
      await until('the package is there, and nothing else', 120_000, async () => {
        const { stdout } = await etcd1.run('dpkg', '--status', 'etcd-agent');
        const rooms = await ssh.roomsOn(etcd1);
        const whole = stdout.includes('install ok installed') && rooms.length === 0;
        return whole ? { value: true } : { notYet: `${stdout} ${rooms}` };
      });
    });
  });

  describe('and again', () => {
    let token = '';

    test('it goes on from what is true on each host: one is left alone, one lacks the token, one lacks everything', async () => {
      token = (await lab.coordinator(['token', 'etcd2'])).stdout.trim();
      const seen = await install();
      expect(seen.stderr).not.toContain('error:');
      expect(seen.code).toBe(0);
      expect(seen.etcd0).toMatchObject({ result: 'unchanged', steps: ['answer'] });
      expect(seen.etcd1).toMatchObject({ result: 'enrolled', steps: ['token', 'enable', 'answer'] });
      expect(seen.etcd2).toMatchObject({
        result: 'installed',
        version: '0.1.0',
        steps: ['copy', 'install', 'token', 'enable', 'answer'],
      });
      expect(seen.stderr).toContain('next: coordinator check, then coordinator bootstrap');
      for (const host of lab.hosts) {
        expect(await property(host, 'etcd-agent', 'UnitFileState')).toBe('enabled');
        expect(await ssh.roomsOn(host)).toEqual([]);
      }
    });

    test('etcd2 was reached through etcd0 only', async () => {
      const log = await etcd2.must('journalctl', '-u', 'ssh', '-o', 'cat');
      expect(log).toContain(`Accepted publickey for root from ${etcd0.address}`);
      expect(log).not.toContain('from 192.168.124.1 ');
    });

    test('a token that was out is the one that was placed, is used up, and stands in no log', async () => {
      expect(readdirSync(join(lab.stateDir, 'tokens'))).toEqual([]);
      for (const host of lab.hosts) {
        const log = await host.must('journalctl', '-o', 'verbose', '--all');
        expect(log).not.toContain(token);
        expect(log).not.toContain(token.slice(-40));
      }
      const log = readFileSync(join(lab.stateDir, 'audit.jsonl'), 'utf8');
      expect(log).not.toContain(token.slice(-40));
      const entries = log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const installs = entries
        .filter(({ action, nodes }) => action === 'install' && String(nodes) === 'etcd1')
        .map(({ operation }) =>
          entries.find((each) => each.operation === operation && each.event === 'ended'),
        )
        .map((end) => end?.outcome ?? 'unfinished');
      // The two that were killed have no end.
      const broken = ['failed', 'unfinished', 'failed', 'unfinished'];
      expect(installs).toEqual(['failed', 'failed', 'refused', ...broken, 'ok']);
    });

    test('once more is quick and changes nothing', async () => {
      const seen = await install();
      expect(seen.code).toBe(0);
      for (const row of [seen.etcd0, seen.etcd1, seen.etcd2]) {
        expect(row).toMatchObject({ result: 'unchanged', kept: ['etcd-agent 0.1.0', 'enrolled', 'runs'] });
      }
    });
  });

  describe('an upgrade', () => {
    test('begins with a cluster that was made of these agents', async () => {
      expect(await lab.coordinator(['bootstrap', '--yes'])).toMatchObject({ code: 0 });
    });

    test('from a repository and from a file restarts the agents, and no etcd', async () => {
      const pids = (unit: string) => Promise.all(lab.hosts.map((host) => mainPid(host, unit)));
      const [agents, etcds] = [await pids('etcd-agent'), await pids('etcd')];
      deb = await smallDeb('0.1.1');
      await putIntoRepository(etcd0, deb);
      const words = ['install', 'etcd0', '--repo', '--ssh-config', ssh.sshConfig];
      const fromRepository = await lab.coordinator(words);
      expect(fromRepository.stdout).toMatch(/^etcd0 .* upgraded .* 0\.1\.1 .* was 0\.1\.0/m);
      const seen = await install();
      expect(seen.code).toBe(0);
      expect(seen.etcd0).toMatchObject({ result: 'unchanged', version: '0.1.1' });
      for (const row of [seen.etcd1, seen.etcd2])
        expect(row).toMatchObject({ result: 'upgraded', version: '0.1.1' });
      expect(seen.stderr).toContain('next: coordinator status');
      expect(await pids('etcd')).toEqual(etcds);
      for (const [at, pid] of (await pids('etcd-agent')).entries()) expect(pid).not.toBe(agents[at]);
      await healthy(lab);
    });

    test('back to an older version is refused', async () => {
      deb = await smallDeb('0.1.0');
      const seen = await install('etcd1');
      expect(seen).toMatchObject({
        code: 6,
        etcd1: { steps: [], error: { what: expect.stringContaining('newer') } },
      });
    });
  });

  test('the developer’s own ssh files are as they were', () => {
    expect(developersFiles()).toEqual(before);
  });
}

function developersFiles(): string[] {
  const home = '/root/.ssh';
  if (!existsSync(home)) return [];
  return readdirSync(home).map((name) => `${name} ${statSync(join(home, name)).mtimeMs}`);
}
