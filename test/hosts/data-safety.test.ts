/**
 * The cluster's data on real hosts: what agents do about it inside the sandbox of their unit. Snapshots by a schedule, restores,
 * a quorum that is lost, the database's room; and the power that fails in the middle of each. One story, told in order. What is
 * done in which situation is told elsewhere (test/integration); here is what only booted hosts can show.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { impatient, told } from '../worlds/hosts/hosts-world.js';
import { Application } from './lab/application.js';
import { type Output, until } from './lab/commands.js';
import { fromPackage, type Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { enrol, eventsSince, initialise, listening, whole } from './lab/operator.js';
import { checkout, type HostName, runDir } from './lab/places.js';
import { another, mainPid, property } from './lab/services.js';
import { story } from './lab/story.js';

const dataDir = '/var/lib/etcd/default.etcd';
const snapshots = '/var/lib/etcd-agent/snapshots';
const confirmed = ['--yes', '--confirm', 'etcd-cluster'];
const partMsMax = 120_000;

await story(
  // As Debian's etcd-client has it: what restores a snapshot is no part of etcd-server.
  (host) =>
    copyFileSync(join(checkout, '.cache', 'etcd', '3.4.23', 'etcdctl'), host.path('/usr/bin/etcdctl')),
  tell,
  { equip: () => fromPackage },
);

function tell(lab: Lab): void {
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];
  const file = join(runDir, 'saved.db');
  let application: Application | undefined;
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    process.stderr.write(`${(await lab.coordinator(['events', '--limit', '60'])).stdout}\n`);
  });
  afterAll(() => application?.close());

  async function coordinator(code: number, ...args: string[]): Promise<Output> {
    const output = await lab.coordinator(args);
    expect(output, `coordinator ${args.join(' ')}`).toMatchObject({ code });
    return output;
  }

  /** Of an agent's snapshot policy, as an operator changes it. */
  async function apply(every: string): Promise<void> {
    const topology = join(runDir, 'cluster.yaml');
    writeFileSync(topology, readFileSync(topology, 'utf8').replace(/^( *every:).*$/m, `$1 ${every}`));
    await coordinator(0, 'apply', '-f', topology);
  }

  /** The keys of the tests, read through every member. */
  async function keys(): Promise<string> {
    const read = await Promise.all(lab.hosts.map((host) => etcdctl(host, 'get', 'app/', '--prefix')));
    expect(new Set(read).size, read.join('\n---\n')).toBe(1);
    return read[0]!.replaceAll('\n', ' ');
  }

  const reboot = async (hosts: readonly Host[]) => {
    await Promise.all(hosts.map((host) => host.powerCut()));
    await Promise.all(hosts.map((host) => host.boot()));
    for (const host of hosts) await listening(host);
  };

  /** Runs the command; the power of the host fails while its new data dir is being made. */
  async function cutShort(host: Host, ...args: string[]): Promise<void> {
    const running = lab.coordinator(args);
    await Promise.race([whilePlacing(host), running.then(tooEarly)]);
    await host.powerCut();
    const { code, stderr } = await running;
    expect(code, stderr).not.toBe(0);
    expect(stderr).toContain(`coordinator ${args[0]} --resume`);
    await host.boot();
    await listening(host);
    expect(await property(host, 'etcd', 'ActiveState')).toBe('inactive');
  }

  test('three agents bootstrap a cluster', async () => {
    await Promise.all(lab.hosts.map((host) => host.must('systemctl', 'enable', '--now', 'etcd-agent')));
    await initialise(lab, impatient);
    for (const host of lab.hosts) {
      await listening(host);
      await enrol(lab, host);
    }
    await coordinator(0, 'bootstrap', '--yes');
  });

  describe('snapshots that agents take by themselves', () => {
    test('come one agent at a time, and from more than one; each is tried, and nothing is left of the trials', async () => {
      const agents = await Promise.all(lab.hosts.map((host) => mainPid(host, 'etcd-agent')));
      await etcdctl(etcd0, 'put', 'app/a', 'early');
      const atMs = Date.now();
      await apply('10s');
      const hosts = await until('verified ones on two hosts', partMsMax, async () => {
        const found = lab.hosts.filter(hasVerified);
        return found.length > 1 ? { value: found } : { notYet: `${found.map(({ name }) => name)}` };
      });
      expect(await Promise.all(lab.hosts.map((host) => mainPid(host, 'etcd-agent')))).toEqual(agents);
      expect(await turns(atMs), 'the agents, in turns').toMatchObject({ overlaps: [], failed: [] });
      const listed = await list(lab);
      for (const { name } of hosts)
        expect(listed.find(({ node }) => node === name)?.stored).toContainEqual(
          expect.objectContaining({ origin: 'scheduled', verified: expect.any(Object) }),
        );
    });

    test('leave nothing of a trial in the middle of which the agent is killed, nor of any other', async () => {
      const host = await until('a trial', partMsMax, async () => {
        const found = lab.hosts.find((each) => existsSync(each.path(`${snapshots}/trial/data/member`)));
        return found === undefined ? { notYet: 'none' } : { value: found };
      });
      const killed = await mainPid(host, 'etcd-agent');
      await host.must('systemctl', 'kill', '--signal=KILL', '--kill-whom=main', 'etcd-agent');
      await another(host, 'etcd-agent', killed);
      await until('the rest of the trial is gone', 30_000, async () => {
        const left = existsSync(host.path(`${snapshots}/trial`));
        return left ? { notYet: 'it is there' } : { value: undefined };
      });
      await listening(host);
      await apply('6h');
      await atRest();
      expect(await property(host, 'etcd-agent', 'NRestarts')).toBe('1');
      for (const each of lab.hosts.filter(hasVerified)) {
        const names = (await each.must('ls', '-A', snapshots)).split('\n');
        expect(names.filter((name) => !/^etcd-cluster-.*\.snapshot\.(db|json)$/.test(name))).toEqual([
          'incoming',
        ]);
        const shown = await each.must('sh', '-c', `cd ${snapshots} && stat -c '%a %U:%G' . incoming *.db`);
        expect(new Set(shown.split('\n'))).toEqual(new Set(['700 root:root', '600 root:root']));
      }
    });

    /** In the agents' control groups is nobody but themselves. */
    async function atRest(): Promise<void> {
      for (const host of lab.hosts)
        await until(`the agent of ${host.name} is alone`, 30_000, async () => {
          const pids = await host.must('cat', '/sys/fs/cgroup/system.slice/etcd-agent.service/cgroup.procs');
          const pid = await property(host, 'etcd-agent', 'MainPID');
          return pids === pid ? { value: undefined } : { notYet: pids };
        });
    }

    async function turns(sinceMs: number) {
      const events = (await eventsSince(lab, sinceMs)).filter(({ rule }) => rule === 'snapshot');
      const overlaps: unknown[] = [];
      let taking: string | undefined;
      for (const event of events.sort((a, b) => (a.at < b.at ? -1 : 1))) {
        if (event.kind === 'decided') {
          if (taking !== undefined) overlaps.push(event);
          taking = event.node;
        } else if (taking === event.node) taking = undefined;
      }
      return { overlaps, failed: events.filter(({ kind }) => kind === 'failed') };
    }
  });

  describe('room', () => {
    test('compact, defrag and another quota: members are restarted in turns, and serve all the while', async () => {
      for (const each of ['b', 'b', 'b']) await etcdctl(etcd0, 'put', 'app/a', each);
      const before = await Promise.all(lab.hosts.map((host) => mainPid(host, 'etcd')));
      await coordinator(0, 'compact', '--yes');
      await coordinator(0, 'defrag');
      expect(await Promise.all(lab.hosts.map((host) => mainPid(host, 'etcd')))).toEqual(before);
      await coordinator(0, 'quota', 'set', '64MiB', '--yes');
      const { stdout } = await coordinator(0, 'quota', '-o', 'json');
      for (const { quotaBytes } of (JSON.parse(stdout) as { members: { quotaBytes: number }[] }).members)
        expect(quotaBytes).toBe(64 * 1024 ** 2);
      for (const [at, host] of lab.hosts.entries()) expect(await mainPid(host, 'etcd')).not.toBe(before[at]);
      expect(await keys()).toBe('app/a b');
    });
  });

  describe('a restore', () => {
    test('that a power cut of one host interrupts goes on when it is back', async () => {
      await etcdctl(etcd0, 'put', 'app/a', 'kept');
      await coordinator(0, 'snapshot', 'save', file);
      await etcdctl(etcd0, 'put', 'app/a', 'later');
      await etcdctl(etcd0, 'put', 'app/z', 'later');
      await cutShort(etcd1, 'restore', file, ...confirmed);
      await coordinator(0, 'restore', '--resume');
      expect(await keys()).toBe('app/a kept');
    });

    test('outlives a power cut of all hosts: etcd is enabled, and only this cluster comes back', async () => {
      for (const host of lab.hosts) {
        expect(await property(host, 'etcd', 'UnitFileState')).toBe('enabled');
        expect(await host.must('stat', '-c', '%a %U:%G', dataDir)).toBe('700 etcd:etcd');
        expect(await host.must('find', dataDir, '!', '-user', 'etcd')).toBe('');
        expect(await host.must('ls', '-A', dataDir)).toBe('member');
        expect(await aside(host)).toHaveLength(1);
      }
      await reboot(lab.hosts);
      await whole(lab);
      expect(await keys()).toBe('app/a kept');
    });

    test('is taken back: what was written after the snapshot is there again', async () => {
      await coordinator(0, 'restore', 'undo', ...confirmed);
      expect(await keys()).toBe('app/a later app/z later');
    });

    test('while a host is off: its etcd does not serve the former data when it is back, and rejoins once it is told', async () => {
      await etcd2.powerCut();
      await coordinator(3, 'restore', file, '--without', 'etcd2', ...confirmed);
      await etcdctl(etcd0, 'put', 'app/z', 'of the new cluster');
      const atMs = Date.now();
      await etcd2.boot();
      await recorded(etcd2, atMs, 'waiting for the coordinator');
      expect((await coordinator(0, 'explain', 'etcd2')).stdout).toContain('waiting for the coordinator');
      // Longer than any start that was under way.
      await sleep(3_000);
      expect(await property(etcd2, 'etcd', 'UnitFileState')).toBe('enabled');
      expect(await property(etcd2, 'etcd', 'ExecMainStartTimestampMonotonic'), 'started since the boot').toBe(
        '0',
      );
      expect(await property(etcd2, 'etcd', 'ConditionResult')).toBe('no');
      await coordinator(0, 'restore', '--resume');
      await recorded(etcd2, atMs, 'finishRepair');
      await whole(lab);
      expect(await keys()).toBe('app/a kept app/z of the new cluster');
      const repairs = (await eventsSince(lab, atMs)).filter(
        ({ node, rule }) => node === 'etcd2' && rule === 'rejoinFormer',
      );
      expect(repairs.length).toBeGreaterThan(0);
    });
  });

  describe('all hosts lose power, one disk comes back with a new system and one without data', () => {
    let cutMs = 0;

    test('then there is no quorum, and a host that was installed anew takes no place: it is to be given up', async () => {
      const ids = await whole(lab);
      application = new Application(lab, { pauseMs: 250 });
      for (const host of lab.hosts) await application.writesThrough(host, 0, 60_000);
      const writtenMs = Date.now();
      // Its agent writes it down every ten seconds, to be known after a power cut.
      await until('etcd0 remembers a read of after these', 30_000, async () => {
        const text = readFileSync(etcd0.path('/var/lib/etcd-agent/positions.json'), 'utf8');
        const { served } = JSON.parse(text) as { served?: { memberId: string; at: string } };
        const isLater = served?.memberId === ids.etcd0 && Date.parse(served!.at) > writtenMs;
        return isLater ? { value: undefined } : { notYet: text };
      });
      await Promise.all(lab.hosts.map((host) => host.powerCut()));
      cutMs = Date.now();
      await etcd1.reinstall();
      rmSync(etcd2.path(dataDir), { recursive: true });
      await Promise.all(lab.hosts.map((host) => host.boot()));
      await etcd1.must('systemctl', 'enable', '--now', 'etcd-agent');
      for (const host of lab.hosts) await listening(host);
      const token = await coordinator(5, 'token', 'etcd1', '--replace');
      expect(token.stderr).toContain('coordinator recover --give-up etcd1');
      const refused = await coordinator(6, 'recover', ...confirmed);
      expect(refused.stdout).toContain('etcd1 cannot be reached');
    });

    test('recover goes on from the survivor, whose power fails in the middle of it, and the new host joins after it', async () => {
      const recover = ['recover', '--give-up', 'etcd1'];
      const { stdout } = await coordinator(0, ...recover, '--dry-run', '-o', 'json');
      const plan = JSON.parse(stdout) as {
        survivors: { node: string; etcd: string }[];
        losses: { kept: { before: string } };
      };
      // Its agent still waits for the one of etcd1, or has started it: without a quorum it answers nobody.
      expect(plan.survivors).toMatchObject([
        { node: 'etcd0', etcd: expect.stringMatching(/^(stopped|silent)$/) },
      ]);
      const before = Date.parse(plan.losses.kept.before);
      expect(before).toBeLessThan(cutMs);
      await cutShort(etcd0, ...recover, ...confirmed);
      await coordinator(3, 'recover', '--resume');
      await enrol(lab, etcd1, { replace: true });
      await coordinator(0, 'bootstrap', '--yes');
      await whole(lab);
      const owed = application!.acknowledgedBefore(before);
      expect(owed.length).toBeGreaterThanOrEqual(lab.hosts.length);
      told(`recover: all ${owed.length} writes of before ${plan.losses.kept.before} are kept`);
      const sinceMs = performance.now();
      for (const host of lab.hosts) {
        await application!.writesThrough(host, sinceMs, 60_000);
        const there = new Set(await application!.answer('keys', host));
        expect(owed.filter((key) => !there.has(key))).toEqual([]);
      }
    });
  });

  test('no agent was denied anything by its unit', async () => {
    for (const host of lab.hosts) await nothingDenied(host);
  });
}

/** Its agent has taken one and tried it, by what lies on its disk. */
function hasVerified(host: Host): boolean {
  const directory = host.path(snapshots);
  if (!existsSync(directory)) return false;
  const notes = readdirSync(directory).filter((name) => name.endsWith('.snapshot.json'));
  return notes.some((name) => !/"verified": null/.test(readFileSync(join(directory, name), 'utf8')));
}

/** Waits until the host's agent has recorded an event with these words. Read from its disk: it costs the machine nothing. */
async function recorded(host: Host, sinceMs: number, words: string): Promise<void> {
  await until(`${host.name} records: ${words}`, 60_000, async () => {
    const directory = host.path('/var/lib/etcd-agent');
    const names = readdirSync(directory).filter((name) => name.startsWith('events'));
    const lines = names.flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'));
    const last = lines.filter((line) => Date.parse(/"at":"([^"]+)"/.exec(line)?.[1] ?? '') >= sinceMs);
    return last.some((line) => line.includes(words)) ? { value: undefined } : { notYet: last.join('\n') };
  });
}

interface Listed {
  readonly node: HostName;
  readonly stored: readonly { readonly name: string; readonly verified: object | null }[];
}

async function list(lab: Lab): Promise<Listed[]> {
  const { stdout } = await lab.coordinator(['snapshot', 'list', '-o', 'json']);
  const { nodes } = JSON.parse(stdout) as { nodes: { node: HostName; snapshots: Listed['stored'] }[] };
  return nodes.map(({ node, snapshots: stored }) => ({ node, stored }));
}

function etcdctl(host: Host, ...args: string[]): Promise<string> {
  const papers = ['--cacert=etcd-root-ca.pem', '--cert=etcd.pem', '--key=etcd-key.pem'];
  const words = ['-C', '/etc/etcd', 'ETCDCTL_API=3', 'etcdctl', `--endpoints=https://${host.address}:2379`];
  // Its own defaults are 2 s and 5 s.
  const patient = ['--dial-timeout=20s', '--command-timeout=60s'];
  return host.must('env', ...words, ...papers, ...patient, ...args);
}

async function aside(host: Host): Promise<string[]> {
  return readdirSync(host.path('/var/lib/etcd')).filter((name) =>
    name.startsWith('default.etcd.quarantine-'),
  );
}

/** Resolves as soon as a restore begins to make a data dir on the host. */
async function whilePlacing(host: Host): Promise<void> {
  for (const untilMs = performance.now() + partMsMax; performance.now() < untilMs; await sleep(5)) {
    const directory = host.path(dataDir);
    if (existsSync(directory) && readdirSync(directory).some((name) => name.startsWith('.restore-'))) return;
  }
  throw new Error(`no data dir is made on ${host.name}`);
}

function tooEarly({ stdout, stderr }: Output): never {
  throw new Error(`it ended before its data dir was made:\n${stdout}\n${stderr}`);
}

/** What the sandbox refuses shows as one of these. */
async function nothingDenied(host: Host): Promise<void> {
  const log = await host.must('journalctl', '-u', 'etcd-agent', '-o', 'cat', '--no-pager');
  const denied = /\bE(PERM|ACCES|ROFS)\b|[Pp]ermission denied|[Oo]peration not permitted|[Rr]ead-only file/;
  expect(log.split('\n').filter((line) => denied.test(line))).toEqual([]);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
