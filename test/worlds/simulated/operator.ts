/**
 * A person at work. A repair by hand, as the runbook says: stop etcd, remove the member, move the data away, add it again,
 * write etcd.conf, start. And room for etcd, after which the alarm is disarmed; and an entry that is added by mistake.
 */
import { type EtcdAdmin, replaceValues } from '@etcd-agent/etcd';
import type { SimCluster } from './sim-cluster.js';
import { SimProcess } from './sim-process.js';

/** A person needs some seconds between two commands. */
const handMs = 4_000;
const tries = 20;
const nobodysPeerURL = 'https://10.0.0.99:2380';

export async function makeRoom(cluster: SimCluster, node: string): Promise<void> {
  const person = cluster.clock.forProcess(new SimProcess('person'));
  for (let attempt = 0; attempt < tries; attempt++) {
    const admin = cluster.client(
      cluster.nodes[(cluster.nodes.indexOf(node) + attempt) % cluster.nodes.length]!,
    );
    try {
      for (const alarm of await admin.alarms()) if (alarm.type === 'NOSPACE') await admin.disarm(alarm);
      return;
    } catch {
      await person.sleep(handMs);
    } finally {
      admin.close();
    }
  }
}

/** An entry for a host that there is none of. */
export async function addForNobody(cluster: SimCluster): Promise<void> {
  const person = cluster.clock.forProcess(new SimProcess('person'));
  cluster.byHand.add(nobodysPeerURL);
  for (let attempt = 0; attempt < tries; attempt++) {
    const admin = cluster.client(cluster.nodes[attempt % cluster.nodes.length]!);
    try {
      await admin.memberAdd([nobodysPeerURL], 'voter');
      break;
    } catch {
      await person.sleep(handMs);
    } finally {
      admin.close();
    }
  }
  cluster.byHand.delete(nobodysPeerURL);
}

export async function repairByHand(cluster: SimCluster, node: string): Promise<void> {
  const host = cluster.host(node);
  const { clock, log } = cluster;
  const person = clock.forProcess(new SimProcess('person'));
  const spec = cluster.specs.get(node)!;
  const peerURL = spec.etcd.initialAdvertisePeerURLs[0]!;

  await new Promise<void>((resolve) => host.service.stop(10_000, resolve));
  await person.sleep(handMs);
  const before = await through((admin) => admin.memberList({ linearizable: true }));
  const old = before.find(({ peerURLs }) => peerURLs.includes(peerURL));
  if (old !== undefined) await through((admin) => admin.memberRemove(old.id));
  await person.sleep(handMs);
  if (host.disk.entry(`${cluster.dataDir}/member`) !== undefined)
    host.disk.rename(`${cluster.dataDir}/member`, `${cluster.dataDir}/member.by-hand-${clock.nowMs}`);
  cluster.byHand.add(peerURL);
  const { members } = await through((admin) => admin.memberAdd([peerURL], 'voter')).finally(() =>
    cluster.byHand.delete(peerURL),
  );
  log.add('operator', `added ${node} by hand`);
  const list = members
    .flatMap(({ peerURLs }) => peerURLs.map((url) => `${cluster.nodeOf(url)}=${url}`))
    .join(',');
  await person.sleep(handMs);
  const conf = new TextDecoder().decode(host.disk.read(host.paths.etcdConf));
  host.disk.write(
    host.paths.etcdConf,
    new TextEncoder().encode(
      replaceValues(conf, { ETCD_INITIAL_CLUSTER: list, ETCD_INITIAL_CLUSTER_STATE: 'existing' }),
    ),
    0o644,
  );
  const permitEndMs = clock.nowMs + handMs;
  host.disk.write(host.paths.permit, new TextEncoder().encode('by hand\n'), 0o644);
  host.service.start();
  while (host.disk.member(cluster.dataDir) === undefined && clock.nowMs < permitEndMs) await person.sleep(50);
  host.disk.unlink(host.paths.permit);

  async function through<T>(act: (admin: EtcdAdmin) => Promise<T>): Promise<T> {
    let last: unknown;
    for (let attempt = 0; attempt < tries; attempt++) {
      const others = cluster.nodes.filter((each) => each !== node);
      const admin = cluster.client(others[attempt % others.length]!);
      try {
        return await act(admin);
      } catch (error) {
        last = error;
        await person.sleep(1_000);
      } finally {
        admin.close();
      }
    }
    throw last;
  }
}
