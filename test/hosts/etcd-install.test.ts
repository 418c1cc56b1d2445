/**
 * Hosts without an etcd get one: from Debian's package, by the host's own package manager, and from a file over the link. The
 * power goes in the middle of each. Then the three make a cluster, each under a unit of another style. One story.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Archive, etcdArchive } from '../support/etcd-archive.js';
import { until } from './lab/commands.js';
import { etcdPackages, giveRepository, leftEnabled, withoutEtcd } from './lab/etcd-packages.js';
import { etcdWanted, installEtcd } from './lab/etcd-wanted.js';
import type { Lab } from './lab/lab.js';
import { check, enrol, healthy, initialise, listening, unitOf } from './lab/operator.js';
import { checkout, hostNames, runDir } from './lab/places.js';
import { asExpected, mainPid, property } from './lab/services.js';
import { story } from './lab/story.js';

const agentUnit = readFileSync(join(checkout, 'agent', 'systemd', 'etcd-agent.service'), 'utf8');
const centosUnit = readFileSync(join(import.meta.dirname, 'testdata', 'centos7-etcd.service'), 'utf8');
/** By hand, years ago, for another etcd: everything in it would keep ours from starting. */
const oldUnit = `[Service]
Type=simple
User=nobody-made-me
WorkingDirectory=/srv/etcd-of-old
Environment=ETCD_CONFIG_FILE=/etc/etcd/etcd.yml
UnsetEnvironment=ETCD_NAME ETCD_DATA_DIR
ExecStartPre=/bin/false
ExecStart=/opt/etcd/etcd
ExecStop=/bin/false
RestartPreventExitStatus=0 1 2

[Install]
WantedBy=multi-user.target
`;
const etcds = '/usr/local/lib/etcd-agent/etcd';
/** Where the package manager stops for the power cut: the package is configured, the mask is still there. */
const slowHook = '/etc/apt/apt.conf.d/99-slow';
const record = '/var/lib/etcd-agent/package-install.json';

await story((host) => {
  withoutEtcd(host);
  host.write('/etc/apt/sources.list', '');
  host.write('/etc/systemd/system/etcd-agent.service', agentUnit);
  // What ran before a power cut is to be read after it.
  mkdirSync(host.path('/var/log/journal'), { recursive: true });
  if (host.name === 'etcd0') {
    giveRepository(host, etcdPackages());
    leftEnabled(host);
  }
  if (host.name === 'etcd1') host.write('/etc/systemd/system/etcd.service', oldUnit);
  if (host.name === 'etcd2') host.write('/etc/systemd/system/etcd.service', centosUnit);
}, tell);

function tell(lab: Lab): void {
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];
  let archive: Archive;

  test('agents start on hosts that have no etcd and no account for one', async () => {
    await initialise(lab);
    for (const host of lab.hosts) {
      expect((await host.run('id', 'etcd')).code).toBe(1);
      expect((await host.run('test', '-e', '/usr/bin/etcd')).code).toBe(1);
      await host.must('systemctl', 'enable', '--now', 'etcd-agent');
      await listening(host);
      await enrol(lab, host);
    }
  });

  describe('from the package', () => {
    test('check says which package manager would install it where', async () => {
      await etcdWanted(lab, '{ from: package }');
      const { findings } = await check(lab);
      const messages = findings.filter((finding) => /^etcd(-install)?$/.test(finding.check));
      expect(messages.map(({ node, check, result }) => `${node} ${check} ${result}`)).toEqual([
        'etcd0 etcd ok',
        'etcd1 etcd fail',
        'etcd1 etcd-install fail',
        'etcd2 etcd fail',
        'etcd2 etcd-install fail',
      ]);
      expect(messages[0]!.message).toBe('bootstrap installs it: etcd-server, etcd-client by apt');
      // The package would start what an administrator has left there.
      expect(messages[2]!.message).toContain('it cannot be masked');
      expect(unitOf(findings, 'etcd1')).toMatchObject({
        result: 'warn',
        message: expect.stringContaining('no longer read'),
      });
      expect(unitOf(findings, 'etcd2')).toMatchObject({
        result: 'warn',
        message: expect.stringContaining('--name'),
      });
    });

    test('a host whose repositories have none says so, and leaves no mask', async () => {
      etcd0.write('/etc/apt/sources.list', '');
      const { code, rows, stderr } = await installEtcd(lab, 'etcd0');
      expect(code).not.toBe(0);
      expect(rows[0]!.message).toContain('the repositories of this host have no etcd');
      expect(stderr).toContain('from: file');
      expect(await property(etcd0, 'etcd.service', 'LoadState')).toBe('not-found');
      expect((await etcd0.run('test', '-e', record)).code).toBe(1);
      giveRepository(etcd0, etcdPackages());
    });

    test('the power goes when the package is there and its service is masked still: no etcd starts at the boot', async () => {
      etcd0.write(slowHook, 'DPkg::Post-Invoke { "touch /opt/unpacked; sleep 60"; };\n');
      const running = installEtcd(lab, 'etcd0');
      await until('the package is configured', 120_000, async () =>
        existsSync(etcd0.path('/opt/unpacked')) ? { value: true } : { notYet: 'apt-get' },
      );
      expect(await property(etcd0, 'etcd.service', 'LoadState')).toBe('masked');
      await etcd0.powerCut();
      expect((await running).code).not.toBe(0);
      const packages = readFileSync(etcd0.path('/var/lib/dpkg/status'), 'utf8').split('\n\n');
      expect(packages.find((each) => each.startsWith('Package: etcd-server\n'))).toContain(
        'Status: install ok installed',
      );
      etcd0.write(slowHook, '');
      await etcd0.boot();
    });

    test('its agent tidies up by itself: the mask goes when the service is disabled', async () => {
      await until('the mask is gone', 60_000, async () =>
        asExpected(await property(etcd0, 'etcd.service', 'UnitFileState'), 'disabled'),
      );
      await until('the record is gone', 60_000, async () =>
        asExpected(String((await etcd0.run('test', '-e', record)).code), '1'),
      );
      expect(await property(etcd0, 'etcd.service', 'ActiveState')).toBe('inactive');
      await listening(etcd0);
      expect(await installEtcd(lab, 'etcd0')).toMatchObject({ code: 0, rows: [{ result: 'present' }] });
      expect(await etcd0.must('etcd', '--version')).toContain('etcd Version');
    });

    test('etcd never ran: neither by the package nor by a boot', async () => {
      expect(await etcd0.must('journalctl', '--no-pager', '-q', '-o', 'cat', '-t', 'etcd')).toBe('');
      expect((await etcd0.run('test', '-e', '/var/lib/etcd/default')).code).toBe(1);
    });
  });

  describe('from a file over the link', () => {
    test('two hosts at once; the power of one goes in the middle, and the other gets it', async () => {
      archive = etcdArchive(runDir, '3.5.30');
      await etcdWanted(
        lab,
        `{ from: file, file: ./etcd-v3.5.30-linux-amd64.tar.gz, sha256: "${archive.sha256}" }`,
      );
      const part = etcd1.path(`${etcds}/incoming/${archive.sha256}.part`);
      const running = installEtcd(lab, 'etcd1', 'etcd2');
      await until('some of the file', 30_000, async () =>
        (statSync(part, { throwIfNoEntry: false })?.size ?? 0) > 2 * 1024 ** 2
          ? { value: true }
          : { notYet: 'nothing' },
      );
      await etcd1.powerCut();
      const { code, rows } = await running;
      expect(code).not.toBe(0);
      expect(rows.map(({ node, result }) => `${node} ${result}`)).toEqual([
        'etcd1 failed',
        'etcd2 installed',
      ]);
      expect(statSync(part).size).toBeLessThan(statSync(archive.file).size);
      await etcd1.boot();
      await listening(etcd1);
    });

    test('the next run goes on, and ends with a whole etcd and an account for it', async () => {
      const { code, rows } = await installEtcd(lab, 'etcd1', 'etcd2');
      expect(code).toBe(0);
      expect(rows.map(({ result }) => result)).toEqual(['installed', 'present']);
      for (const host of [etcd1, etcd2]) {
        expect(await host.must('stat', '-c', '%a %U:%G', `${etcds}/current/etcd`)).toBe('755 root:root');
        expect(await host.must('readlink', `${etcds}/current`)).toBe('3.5.30');
        expect(await host.must(`${etcds}/current/etcdctl`, 'version')).toContain('3.5.30');
        expect(await host.must('id', '-gn', 'etcd')).toBe('etcd');
        expect(readdirSync(host.path(etcds)).sort()).toEqual(['3.5.30', 'current']);
      }
    });
  });

  describe('the bootstrap', () => {
    test('gives the third host the file too, in place of its packaged etcd, and makes a cluster', async () => {
      const { code, stderr } = await lab.coordinator(['bootstrap', '--yes', '--timeout', '60s'], {
        timeoutMs: 150_000,
      });
      expect(stderr).toContain('Install etcd on etcd0');
      expect(code, stderr).toBe(0);
      await healthy(lab);
    });

    test.each(hostNames)(
      '%s: etcd runs as etcd, from the file, whatever the unit was before',
      async (name) => {
        const host = lab.host(name);
        const pid = await mainPid(host, 'etcd');
        expect(await host.must('readlink', `/proc/${pid}/exe`)).toBe(`${etcds}/3.5.30/etcd`);
        expect(await host.must('stat', '-c', '%U', `/proc/${pid}`)).toBe('etcd');
        expect(await property(host, 'etcd.service', 'Type')).toBe('notify');
        expect(await property(host, 'etcd.service', 'ExecStartPre')).toBe('');
      },
    );

    test('is still whole after a reboot of a host with a foreign unit', async () => {
      await etcd1.shutDown();
      await etcd1.boot();
      await healthy(lab);
    });
  });
}
