/** What each strike of a random round does to a booted host. */
import type { Host } from '../../hosts/lab/host.js';
import { cut, mend } from '../../hosts/lab/partition.js';
import { repairReaches } from '../../hosts/lab/repair.js';
import {
  copyDisk,
  corruptWal,
  killAgent,
  powerCut,
  reboot,
  reinstall,
  rollBack,
  signalEtcd,
  silence,
  sleep,
  wipe,
} from './faults.js';
import type { HostsWorld } from './hosts-world.js';
import { isReplacing, type Round, type StrikeKind } from './rounds.js';

/** Longer than an election, and than an agent needs to say that a host is silent. */
const cutMs = 6_000;
const offMs = 1_000;
const repairMsMax = 60_000;
const midRepair = ['removing', 'quarantining', 'adding', 'added', 'joining', 'promoting'];

type Strikes = { readonly [K in StrikeKind]: (host: Host, world: HostsWorld) => Promise<void> };

const strikes: Strikes = {
  'etcd is killed': (host) => signalEtcd(host, 'KILL'),
  'etcd is told to end': (host) => signalEtcd(host, 'TERM'),
  'somebody stops etcd': async (host) => {
    await host.must('systemctl', 'stop', 'etcd');
  },
  'somebody runs systemctl kill on etcd': async (host) => {
    await host.must('systemctl', 'kill', '--signal=KILL', 'etcd');
  },
  '/etc/etcd is lost': async (host) => {
    await host.must('rm', '-rf', '/etc/etcd');
    await signalEtcd(host, 'KILL');
  },
  'the agent is killed': (host) => killAgent(host, offMs),
  'the agent is replaced': async (host) => {
    await host.must('systemctl', 'restart', 'etcd-agent');
  },
  'the power fails': (host) => powerCut(host, offMs),
  'it is rebooted': (host) => reboot(host),
  'it is cut off': async (host, world) => {
    await silence(host, world);
    await sleep(cutMs);
    await mend();
  },
  'it hears and is not heard': async (host, { hosts }) => {
    const others = hosts.filter((each) => each !== host).map(({ name }) => name);
    await cut([host.name], others, { oneWay: true });
    await sleep(cutMs);
    await mend();
  },
  'the data is wiped': (host) => wipe(host, 'killed'),
  'the log is corrupted': (host) => corruptWal(host),
  'the power fails in mid-repair': async (host) => {
    await wipe(host, 'killed');
    await repairReaches(host, midRepair, repairMsMax);
    await powerCut(host, offMs);
  },
  'an older disk comes back': async (host, world) => rollBack(host, await copyDisk(host, world)),
  'it is reinstalled': (host, world) => reinstall(host, world, 0),
};

/** Strikes all at once, and waits until the cluster is whole and nothing is lost. */
export async function runRound(world: HostsWorld, round: Round<Host['name']>): Promise<void> {
  const struck = round.strikes.map(({ kind, on }) => ({ kind, host: world.host(on) }));
  await world.round(
    async () => {
      await Promise.all(struck.map(({ kind, host }) => strikes[kind](host, world)));
    },
    { replaced: struck.filter(({ kind }) => isReplacing(kind)).map(({ host }) => host) },
  );
}
