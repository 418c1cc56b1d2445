/**
 * The cluster heals itself on real hosts: systemd's own rules, real power cuts, the distribution's etcd. One story, while an
 * application writes through every member all the time: no write that was acknowledged is ever missing. What an agent
 * decides in which situation is told in its unit tests; here is what only a host with systemd can show.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Application, writtenKeys } from './lab/application.js';
import { until } from './lab/commands.js';
import { flipBytes, lastIndex, treeHash, walDir } from './lab/data-dir.js';
import { fromPackage, type Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { enrol, eventsSince, healStatus, initialise, listening, whole } from './lab/operator.js';
import { hostNames } from './lab/places.js';
import { repairFile, repairReaches } from './lab/repair.js';
import { asExpected, kill, mainPid, property } from './lab/services.js';
import { story } from './lab/story.js';

const dataDir = '/var/lib/etcd/default.etcd';
const copy = '/var/lib/etcd/copy';
const clearance = '/run/etcd-agent/cleared';
const permit = '/run/etcd-agent/may-start-empty';

/** How long an etcd that was stopped by hand is left alone here; the default is a minute. */
const stoppedMs = 8_000;
/** A repair takes two seconds on an idle machine, and an agent that has just started watches for five before it begins one. */
const repairMsMax = 60_000;

await story(
  (host) => {
    // As most hosts have it: a log that outlives a boot.
    host.write('/etc/systemd/journald.conf.d/lab.conf', '[Journal]\nStorage=persistent\n');
  },
  tell,
  { equip: () => fromPackage },
);

function tell(lab: Lab): void {
  const [etcd0, etcd1, etcd2] = [lab.host('etcd0'), lab.host('etcd1'), lab.host('etcd2')];
  let application: Application;
  /** Member ids by name, as the last part of the story left them. */
  let ids: Record<string, string> = {};
  const tokens: string[] = [];
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    process.stderr.write(`${(await lab.coordinator(['events', '--limit', '60'])).stdout}\n`);
  });
  afterAll(() => application?.close());

  /** Waits until all is well again, and holds the outcome against what must be so after every fault. */
  async function healed(): Promise<void> {
    ids = await whole(lab);
    for (const host of lab.hosts) {
      // The member is whole a moment before its agent has written that down.
      await until(`the repair of ${host.name} is closed`, 60_000, async () => {
        const left = [host.path(repairFile), host.runPath(permit)].filter((path) => existsSync(path));
        return left.length === 0 ? { value: undefined } : { notYet: `${left}` };
      });
      expect(await application.missingOn(host), `${host.name}: acknowledged writes`).toEqual([]);
    }
  }

  /** The member of the host was replaced, by this rule, and what etcd has now is etcd's. */
  async function rejoined(host: Host, rule: string, before: string | undefined): Promise<void> {
    expect(before).toBeDefined();
    expect(ids[host.name]).not.toBe(before);
    const status = (await healStatus(lab)).find(({ node }) => node === host.name);
    expect(status?.history.at(-1)).toMatchObject({ rule, oldMemberId: before });
    expect(await host.must('stat', '-c', '%a %U:%G', dataDir)).toBe('700 etcd:etcd');
    expect(await host.must('stat', '-c', '%U:%G', walDir(dataDir))).toBe('etcd:etcd');
    expect(await property(host, 'etcd', 'ConditionResult')).toBe('yes');
    expect(await host.must('cat', '/etc/etcd/etcd.conf')).toMatch(
      /^ETCD_INITIAL_CLUSTER_STATE="?existing"?$/m,
    );
  }

  describe('a cluster at work', () => {
    test('three agents bootstrap it, and an application writes through every member', async () => {
      for (const host of lab.hosts) await host.must('systemctl', 'enable', '--now', 'etcd-agent');
      await initialise(lab, { stopped: `${stoppedMs / 1000}s`, hold: '0s' });
      for (const host of lab.hosts) {
        await listening(host);
        tokens.push(await enrol(lab, host));
      }
      expect(await lab.coordinator(['bootstrap', '--yes'])).toMatchObject({ code: 0 });
      application = new Application(lab);
      for (const host of lab.hosts) await application.writesThrough(host, 0, 60_000);
      await healed();
    });

    test.each(hostNames)('%s: the drop-in holds what SELF_HEALING.md says of it', async (name) => {
      const dropIn = (await lab.host(name).must('systemctl', 'cat', 'etcd')).split(
        '/etc/systemd/system/etcd.service.d/zz-etcd-agent.conf',
      )[1];
      const settings = (dropIn ?? '').split('\n').filter((line) => /^\w+=/.test(line));
      expect(settings).toEqual([
        'StartLimitIntervalSec=60',
        'StartLimitBurst=3',
        'ConditionPathExists=',
        `ConditionPathExists=${clearance}`,
        `ConditionPathExistsGlob=|${dataDir}/member/wal/*.wal`,
        `ConditionPathExists=|${permit}`,
        'Type=notify',
        // Whatever another unit has of these goes; ours of two of them come below.
        ...['ExecStartPre=', 'ExecStartPost=', 'ExecReload=', 'ExecStop=', 'ExecStopPost='],
        ...['PassEnvironment=', 'UnsetEnvironment=', 'RootDirectory='],
        ...['RestartPreventExitStatus=', 'RestartForceExitStatus='],
        'DynamicUser=no',
        'ExecStart=',
        'ExecStart=/usr/bin/etcd',
        'Environment=',
        'EnvironmentFile=',
        'EnvironmentFile=/etc/etcd/etcd.conf',
        'WorkingDirectory=/',
        'User=etcd',
        'Group=etcd',
        `ExecStartPost=-+/bin/rm -f ${permit}`,
        `ExecStopPost=-+/bin/sh -c 'case "$$SERVICE_RESULT" in signal|exit-code|core-dump|oom-kill|watchdog) ;; *) /bin/rm -f "${clearance}" ;; esac'`,
        'Restart=always',
        'RestartSec=100ms',
        'TimeoutStartSec=0',
        'LimitNOFILE=65536',
      ]);
    });
  });

  describe('etcd ends', () => {
    test('killed: systemd starts it again at once, and no agent does anything', async () => {
      const [atMs, began] = [Date.now(), performance.now()];
      const before = ids;
      await kill(etcd1, 'etcd');
      const tookMs = await application.writesThrough(etcd1, performance.now(), 60_000);
      measured('killed etcd: a write through it', tookMs, application.longestGapMs(began));
      await healed();
      expect(ids).toEqual(before);
      expect(await property(etcd1, 'etcd', 'NRestarts')).toBe('1');
      // A snapshot may be due: the topology is the template's.
      const acted = (await eventsSince(lab, atMs)).filter(
        ({ kind, rule }) => kind === 'decided' && rule !== 'snapshot',
      );
      expect(acted).toEqual([]);
    });

    test('told to end by a signal: its agent looks at the disk and starts it, without waiting', async () => {
      const before = ids;
      const pid = await mainPid(etcd1, 'etcd');
      await etcd1.must(
        'sh',
        '-c',
        `kill -TERM ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.02; done`,
      );
      const tookMs = await application.writesThrough(etcd1, performance.now(), 60_000);
      measured('etcd ended by SIGTERM: from its end to a write through it', tookMs);
      expect(tookMs).toBeLessThan(stoppedMs);
      await healed();
      expect(ids).toEqual(before);
    });

    test('stopped by hand: said at once, started again after the waiting time', async () => {
      await etcd2.must('systemctl', 'stop', 'etcd');
      const stoppedAtMs = performance.now();
      // For later: the disk as it is now.
      await etcd2.must('cp', '-a', '--sparse=always', dataDir, copy);
      await until('explain says so', stoppedMs - 1_000, async () => {
        const { stdout } = await lab.coordinator(['explain', 'etcd2']);
        return /stopped by hand; started again in/.test(stdout) ? { value: stdout } : { notYet: stdout };
      });
      expect(await property(etcd2, 'etcd', 'ActiveState')).toBe('inactive');
      const tookMs = await application.writesThrough(etcd2, stoppedAtMs, 60_000);
      measured('stopped etcd: from the stop to a write through it', tookMs);
      expect(tookMs).toBeGreaterThan(stoppedMs - 500);
      await healed();
    });

    test('disabled or masked by hand: left down for as long as that is so', async () => {
      const down = async (word: string) => {
        await until(`explain says ${word}`, 60_000, async () => {
          const { stdout } = await lab.coordinator(['explain', 'etcd0']);
          return stdout.includes(`etcd is ${word}: somebody wants it down`)
            ? { value: stdout }
            : { notYet: stdout };
        });
        expect(await property(etcd0, 'etcd', 'ActiveState')).toBe('inactive');
      };
      await etcd0.must('systemctl', 'disable', '--now', 'etcd');
      await new Promise((resolve) => setTimeout(resolve, stoppedMs + 1_000));
      await down('disabled');
      await etcd0.must('systemctl', 'mask', 'etcd');
      await down('masked');
      await etcd0.must('systemctl', 'unmask', 'etcd');
      await down('disabled');
      await etcd0.must('systemctl', 'enable', 'etcd');
      const tookMs = await application.writesThrough(etcd0, performance.now(), 60_000);
      measured('disabled, now enabled again: a write through it', tookMs);
      await healed();
    });
  });

  describe('the power fails', () => {
    test('and an older disk comes back with it: etcd is not started on it, and nothing is forgotten', async () => {
      const before = ids.etcd2!;
      const old = { hash: treeHash(etcd2.path(copy)), index: lastIndex(etcd2.path(walDir(copy))) };
      // What was seen of a member is remembered a look or two later.
      await until('a peer remembers that etcd2 has gone on', 40_000, async () => {
        const peer = (await healStatus(lab)).find(({ node }) => node === 'etcd0');
        const index = peer?.view.remembered.find(({ memberId }) => memberId === before)?.index ?? '0';
        return Number(index) > old.index ? { value: index } : { notYet: `${index}, the copy ${old.index}` };
      });
      await etcd2.powerCut();
      rollBack(etcd2);
      await etcd2.boot();
      const tookMs = await application.writesThrough(etcd2, performance.now(), repairMsMax);
      measured('rolled-back disk: from the end of the boot to a write through it', tookMs);
      await healed();
      await rejoined(etcd2, 'rejoinRolledBack', before);
      const quarantine = await etcd2.must('sh', '-c', `ls -d ${dataDir}.quarantine-*`);
      // An etcd that was started on it would have written to it.
      expect(treeHash(etcd2.path(quarantine))).toBe(old.hash);
    });

    test('or somebody stops etcd, gives it an older disk and starts it at once: it is not started either', async () => {
      const before = ids.etcd1!;
      await etcd1.must('sh', '-c', `systemctl stop etcd && cp -a --sparse=always ${dataDir} ${copy}`);
      await etcd1.must('systemctl', 'start', 'etcd');
      await application.writesThrough(etcd1, performance.now(), 60_000);
      const old = lastIndex(etcd1.path(walDir(copy)));
      await until('a peer remembers that etcd1 has gone on', 40_000, async () => {
        const peer = (await healStatus(lab)).find(({ node }) => node === 'etcd0');
        const index = peer?.view.remembered.find(({ memberId }) => memberId === before)?.index ?? '0';
        return Number(index) > old ? { value: index } : { notYet: `${index}, the copy ${old}` };
      });
      // No agent is there to see it.
      const swap = `systemctl stop etcd-agent etcd && rm -rf ${dataDir} && mv ${copy} ${dataDir} && systemctl start etcd`;
      await etcd1.must('sh', '-c', swap);
      expect(await property(etcd1, 'etcd', 'ConditionResult')).toBe('no');
      const began = performance.now();
      await etcd1.must('systemctl', 'start', 'etcd-agent');
      const tookMs = await application.writesThrough(etcd1, began, repairMsMax);
      measured('older disk put back by hand: from the start of the agent to a write through it', tookMs);
      await healed();
      await rejoined(etcd1, 'rejoinRolledBack', before);
    });

    test('twice in the middle of a repair: the repair ends all the same, with one entry for each node', async () => {
      const before = ids.etcd1;
      const stages: string[] = [];
      await etcd1.must('sh', '-c', `kill -KILL ${await mainPid(etcd1, 'etcd')}; rm -rf ${dataDir}`);
      for (const stagesOfCut of [
        ['removing', 'quarantining', 'adding', 'added', 'joining', 'promoting'],
        ['joining', 'promoting'],
      ]) {
        stages.push(await repairReaches(etcd1, stagesOfCut, repairMsMax));
        await etcd1.powerCut();
        await etcd1.boot();
      }
      const tookMs = await application.writesThrough(etcd1, performance.now(), repairMsMax);
      measured(`power cut at ${stages.join(', then at ')}: from the last boot to a write through it`, tookMs);
      await healed();
      await rejoined(etcd1, 'rejoinDataGone', before);
    });
  });

  describe('data is gone', () => {
    test('wiped while etcd is dead: the member is replaced within seconds', async () => {
      const before = ids.etcd1;
      const began = performance.now();
      await etcd1.must('sh', '-c', `kill -KILL ${await mainPid(etcd1, 'etcd')}; rm -rf ${dataDir}`);
      const tookMs = await application.writesThrough(etcd1, performance.now(), repairMsMax);
      measured('wiped member: a write through it', tookMs, application.longestGapMs(began));
      await healed();
      await rejoined(etcd1, 'rejoinDataGone', before);
    });

    test('wiped without an agent: neither systemd nor a person nor a boot starts etcd; the agent heals it', async () => {
      const before = ids.etcd0;
      const down = async () => {
        expect(await property(etcd0, 'etcd', 'ActiveState')).toBe('inactive');
        expect(await property(etcd0, 'etcd', 'ConditionResult')).toBe('no');
        expect((await etcd0.run('test', '-e', dataDir)).code).toBe(1);
      };
      await etcd0.must('systemctl', 'disable', '--now', 'etcd-agent');
      await etcd0.must('rm', '-rf', dataDir);
      // What it still holds open goes with it.
      await kill(etcd0, 'etcd');
      await until('systemd gives it up', 60_000, async () =>
        asExpected(await property(etcd0, 'etcd', 'ActiveState'), 'inactive'),
      );
      await down();
      await etcd0.must('systemctl', 'start', 'etcd');
      await down();

      await etcd0.powerCut();
      await etcd0.boot();
      expect(await property(etcd0, 'etcd', 'UnitFileState')).toBe('enabled');
      await down();
      // Whoever gives the clearance by hand is still refused.
      await etcd0.must('sh', '-c', `mkdir -p /run/etcd-agent && touch ${clearance} && systemctl start etcd`);
      await down();
      await etcd0.must('rm', clearance);

      const began = performance.now();
      await etcd0.must('systemctl', 'enable', '--now', 'etcd-agent');
      const tookMs = await application.writesThrough(etcd0, began, repairMsMax);
      measured('agent started on a wiped host: a write through it', tookMs);
      await healed();
      await rejoined(etcd0, 'rejoinDataGone', before);
    });
  });

  describe('files are damaged', () => {
    test('a WAL with flipped bytes: three starts that fail, then the data is kept aside and the member replaced', async () => {
      const before = ids.etcd2;
      const [atMs, began] = [Date.now(), performance.now()];
      await etcd2.must('systemctl', 'stop', 'etcd');
      flipBytes(etcd2.path(walDir(dataDir)), writtenKeys);
      const tookMs = await application.writesThrough(etcd2, performance.now(), repairMsMax);
      measured('corrupt WAL: from the stop to a write through it', tookMs, application.longestGapMs(began));
      await healed();
      await rejoined(etcd2, 'rejoinCorrupt', before);
      const decided = (await eventsSince(lab, atMs)).filter(({ kind }) => kind === 'decided');
      const begun = decided.find(({ rule }) => rule === 'rejoinCorrupt');
      expect(begun?.evidence).toMatchObject({ ends: 3, needed: 3, code: 'walCrc' });
      // One start by the agent; the other two are systemd's, whose limit that is.
      expect(decided.filter(({ rule }) => rule === 'startEtcd')).toHaveLength(1);
      const quarantine = await etcd2.must('sh', '-c', `stat -c '%a %U:%G' ${dataDir}.quarantine-*`);
      // The disk that was rolled back is kept too.
      expect(quarantine.split('\n')).toEqual(['700 etcd:etcd', '700 etcd:etcd']);
    });

    test('/etc/etcd lost: written again with its owners and modes, while etcd runs on', async () => {
      const listing = () => etcd0.must('sh', '-c', 'cd /etc/etcd && stat -c "%n %a %U:%G" . *');
      const [pid, files] = [await mainPid(etcd0, 'etcd'), await listing()];
      // As an agent of another version has written them.
      const dropIns = '/etc/systemd/system/etcd.service.d';
      const texts = () => etcd0.must('sh', '-c', `cat ${dropIns}/*.conf`);
      const current = await texts();
      await etcd0.must('sh', '-c', `for each in ${dropIns}/*.conf; do echo '# older' >>$each; done`);
      await etcd0.must('rm', '-rf', '/etc/etcd');
      const began = performance.now();
      await until('the files are there again', 30_000, async () => {
        const { stdout } = await etcd0.run('sh', '-c', 'cd /etc/etcd && stat -c "%n %a %U:%G" . *');
        return asExpected(stdout.trimEnd(), files);
      });
      measured('/etc/etcd written again', Math.round(performance.now() - began));
      // The unit's drop-ins as well, which is no reason to restart it.
      await until('the drop-ins are written', 60_000, async () => asExpected(await texts(), current));
      expect(await mainPid(etcd0, 'etcd')).toBe(pid);
      // They are good: etcd starts with them.
      await etcd0.must('systemctl', 'restart', 'etcd');
      await healed();
    });
  });

  describe('hosts are switched off and on again', () => {
    test('all at once, by a power cut: the first ones back wait and say for whom; with the last they serve', async () => {
      const before = ids;
      const waits = async (host: Host, why: RegExp) => {
        await until(`${host.name} says what it waits for`, 30_000, async () => {
          const text = await property(host, 'etcd-agent', 'StatusText');
          const said = /waits for startEtcd: asking the other agents(.*)$/.exec(text)?.[1] ?? '';
          return why.test(said) ? { value: text } : { notYet: text };
        });
        expect(await property(host, 'etcd', 'ActiveState')).toBe('inactive');
      };
      await Promise.all(lab.hosts.map((host) => host.powerCut()));
      await etcd1.boot();
      await waits(etcd1, /none answers/);
      await etcd0.boot();
      for (const host of [etcd0, etcd1]) await waits(host, /this node with etcd2, not heard yet/);
      const began = performance.now();
      await etcd2.boot();
      for (const host of lab.hosts) await application.writesThrough(host, began, repairMsMax);
      measured(
        'all hosts lost power; from the boot of the last one to a write through every member',
        Math.round(performance.now() - began),
      );
      await healed();
      expect(ids).toEqual(before);
    });

    test('all, one after the other by their shutdown, and on in another order', async () => {
      const before = ids;
      for (const host of [etcd0, etcd1, etcd2]) await host.shutDown();
      await etcd1.boot();
      await Promise.all([etcd2.boot(), etcd0.boot()]);
      const tookMs = await application.writesThrough(etcd2, performance.now(), repairMsMax);
      measured('all hosts shut down; from the last boot to a write', tookMs);
      await healed();
      expect(ids).toEqual(before);
    });
  });

  test.each(hostNames)('%s: no key and no token is in its journal or among its events', async (name) => {
    const host = lab.host(name);
    const log = await host.must('sh', '-c', 'journalctl -o cat --no-pager; cat /var/lib/etcd-agent/events*');
    // The log is there, from before the first power cut.
    expect(log).toContain('beginRepair');
    expect(log).not.toContain('PRIVATE KEY');
    const keys = await host.must('sh', '-c', 'cat $(grep -rl "PRIVATE KEY" /etc/etcd /var/lib/etcd-agent)');
    const secrets = keys.split('\n').filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line));
    expect(secrets.length).toBeGreaterThan(3);
    expect([...secrets, ...tokens].filter((line) => log.includes(line))).toEqual([]);
  });
}

/** Puts the old copy of the data in the place of the data, as a snapshot of a virtual machine would. The host is off. */
function rollBack(host: Host): void {
  rmSync(host.path(dataDir), { recursive: true });
  renameSync(host.path(copy), host.path(dataDir));
}

/** Not a limit: on a busy machine everything takes its time. */
function measured(what: string, tookMs: number, gapMs?: number): void {
  const gap = gapMs === undefined ? '' : `; longest without any write through anybody ${gapMs} ms`;
  process.stderr.write(`hosts: ${what}: ${tookMs} ms${gap}\n`);
}
