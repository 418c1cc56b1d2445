/**
 * What can happen to a cluster, as the simulation runs it too, on real hosts that are set up as the runbook has them: its
 * addresses, its files for cfssl, its RSA keys, its timings. An application writes all the time, and loses nothing.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { scenarios } from '../scenarios/index.js';
import { newDisk, powerCut, wipe } from '../worlds/hosts/faults.js';
import { dataDir, HostsWorld, impatient, told } from '../worlds/hosts/hosts-world.js';
import { isRunHere, runScenario } from '../worlds/hosts/run-scenario.js';
import { Application } from './lab/application.js';
import { until } from './lab/commands.js';
import { walDir } from './lab/data-dir.js';
import { fromPackage, type Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { connected, initialiseAsRunbook, listening, whole } from './lab/operator.js';
import { newerAgentPackage } from './lab/packages.js';
import { cut, mend } from './lab/partition.js';
import { hostNames, runDir } from './lab/places.js';
import { repairFile } from './lab/repair.js';
import { mainPid, property } from './lab/services.js';
import { story } from './lab/story.js';

await story(() => {}, tell, { equip: () => fromPackage });

function tell(lab: Lab): void {
  let world: HostsWorld;
  afterAll(() => world?.close());

  test("the runbook's topology, with its files for cfssl as they are, is bootstrapped", async () => {
    await initialiseAsRunbook(lab, impatient);
    world = await HostsWorld.start(lab);
    for (const name of hostNames) {
      const conf = await lab.host(name).must('cat', '/etc/etcd/etcd.conf');
      expect(conf).toMatch(/^ETCD_HEARTBEAT_INTERVAL="?500"?$/m);
      expect(conf).toMatch(/^ETCD_ELECTION_TIMEOUT="?2500"?$/m);
    }
  });

  describe('the coordinator is cut off', () => {
    test('from all hosts: it says so, and a member whose data is gone is healed without it', async () => {
      const struck = lab.host('etcd2');
      await world.round(
        async () => {
          await cut(['coordinator'], hostNames);
          await wipe(struck, 'killed');
          const { code, stdout } = await lab.coordinator(['status']);
          for (const name of hostNames) expect(stdout).toContain(`the agent of ${name} cannot be reached`);
          expect(code).not.toBe(0);
          await until('the new member', 60_000, async () => {
            const repaired = !existsSync(struck.path(repairFile)) && existsSync(struck.path(walDir(dataDir)));
            return repaired ? { value: undefined } : { notYet: 'not healed' };
          });
          await mend();
        },
        { replaced: [struck] },
      );
    });

    test('one way, from one host: its own etcd and the others do as before', async () => {
      await world.round(async () => {
        await cut(['etcd0'], ['coordinator'], { oneWay: true });
        expect(await connected(lab)).toEqual({ etcd0: false, etcd1: true, etcd2: true });
        await mend();
      });
    });
  });

  describe('a disk turns up twice', () => {
    test('a clone that answers at another address starts no etcd, and nobody heeds it', async () => {
      const etcd0 = lab.host('etcd0');
      const copy = join(runDir, 'copies', 'clone');
      mkdirSync(dirname(copy), { recursive: true });
      await etcd0.copyDisk(copy);
      const clone = await lab.clone(copy, 'etcd3');
      const pid = await mainPid(etcd0, 'etcd');
      await world.round(async () => {
        await clone.boot();
        const log = () => clone.must('journalctl', '-u', 'etcd-agent', '-b', '-o', 'cat');
        await until('its agent says why', 30_000, async () => {
          const text = await log();
          return text.includes('wrongAddress') ? { value: text } : { notYet: text.slice(-500) };
        });
        await clone.run('systemctl', 'start', 'etcd');
        expect(await property(clone, 'etcd', 'ActiveState')).toBe('inactive');
        expect(await property(clone, 'etcd', 'ConditionResult')).toBe('no');
        await whole(lab);
      });
      expect(await mainPid(etcd0, 'etcd')).toBe(pid);
      await clone.powerCut();
    });
  });

  describe('a volume for the data', () => {
    const host = () => lab.host('etcd1');
    const accepted = async () => {
      await saysItWaits(lab, host(), /accept-disk/);
      expect(await lab.coordinator(['node', 'accept-disk', host().name])).toMatchObject({ code: 0 });
    };

    test('that is new and small is filled by a rejoin once a person has accepted it', async () => {
      await world.round(
        async () => {
          await newDisk(host(), 256);
          await accepted();
        },
        { replaced: [host()] },
      );
    });

    test('is full: etcd ends, nobody is replaced for it, and with room again it goes on', async () => {
      await world.round(async () => {
        await host().run('dd', 'if=/dev/zero', `of=${dataDir}/filler`, 'bs=1M');
        await until('etcd gives up', 60_000, async () => {
          const state = await property(host(), 'etcd', 'ActiveState');
          return state === 'failed' ? { value: state } : { notYet: state };
        });
        await saysItWaits(lab, host(), /space/);
        await host().must('rm', `${dataDir}/filler`);
      });
    });

    test('is not there after a power cut: nothing is started in its place until a person has accepted that', async () => {
      await world.round(
        async () => {
          await powerCut(host(), 0);
          await accepted();
        },
        { replaced: [host()] },
      );
    });
  });

  test('every agent is upgraded from package to package, one host after the other: no etcd is restarted', async () => {
    const { deb, version } = await newerAgentPackage();
    const pids = (unit: string) => Promise.all(lab.hosts.map((host) => mainPid(host, unit)));
    const [agents, etcds] = [await pids('etcd-agent'), await pids('etcd')];
    const dropIn = '/etc/systemd/system/etcd.service.d/zz-etcd-agent.conf';
    const text = readFileSync(lab.host('etcd0').path(dropIn), 'utf8');
    // As another version of the agent has written it.
    lab.host('etcd0').write(dropIn, `${text}LimitNOFILE=4096\n`);
    const busy = new Application(lab, { pauseMs: 20, prefix: 'upgrade/' });
    onTestFinished(() => busy.close());
    await world.round(async () => {
      const beganMs = performance.now();
      for (const host of lab.hosts) {
        copyFileSync(deb, host.path('/root/newer.deb'));
        await host.runWith({ timeoutMs: 300_000 }, 'dpkg', '-i', '/root/newer.deb');
        expect(await host.must('etcd-agent', '--version')).toBe(version);
        await listening(host);
      }
      for (const host of lab.hosts) await busy.writesThrough(host, performance.now(), 60_000);
      told(`upgrade: ${busy.count} writes, the longest time without one ${busy.longestGapMs(beganMs)} ms`);
    });
    for (const host of lab.hosts) expect(await busy.missingOn(host)).toEqual([]);
    expect(await pids('etcd')).toEqual(etcds);
    expect(readFileSync(lab.host('etcd0').path(dropIn), 'utf8')).toBe(text);
    expect(await property(lab.host('etcd0'), 'etcd', 'NeedDaemonReload')).toBe('no');
    for (const [at, pid] of (await pids('etcd-agent')).entries()) expect(pid).not.toBe(agents[at]);
  });

  const here = scenarios.filter((each) => each.nodes === 3 && isRunHere(each));
  for (const each of here) test(each.name, () => runScenario(world, each));
}

/** `explain` of the host says something like this. */
async function saysItWaits(lab: Lab, host: Host, what: RegExp): Promise<void> {
  await until(`explain says ${what}`, 60_000, async () => {
    const { stdout } = await lab.coordinator(['explain', host.name]);
    return what.test(stdout) ? { value: undefined } : { notYet: stdout };
  });
}
