/** What is done to a host, each as one function. What heals it is the agents' own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { memberIdFromUint64 } from '@etcd-agent/etcd';
import { expect } from 'vitest';
import { writtenKeys } from '../../hosts/lab/application.js';
import { flipBytes, lastIndex, walDir } from '../../hosts/lab/data-dir.js';
import type { Host } from '../../hosts/lab/host.js';
import { giveAddress, takeAddress } from '../../hosts/lab/network.js';
import { enrol, listening } from '../../hosts/lab/operator.js';
import { cut, type Side } from '../../hosts/lab/partition.js';
import { runDir } from '../../hosts/lab/places.js';
import { mainPid } from '../../hosts/lab/services.js';
import { dataDir, type HostsWorld } from './hosts-world.js';

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** By its own process: systemd starts it again. */
export async function signalEtcd(host: Host, signal: 'KILL' | 'TERM' | 'STOP'): Promise<void> {
  await host.must('sh', '-c', `kill -${signal} ${await mainPid(host, 'etcd')}`);
}

/** Everything is deleted at one stroke: an etcd that is started while files are going would see some of them. */
export async function wipe(host: Host, etcd: 'running' | 'killed'): Promise<void> {
  const end = etcd === 'killed' ? `kill -KILL ${await mainPid(host, 'etcd')}` : ':';
  await host.must('sh', '-c', `set -e; mv ${dataDir} ${dataDir}.taken; ${end}; rm -rf ${dataDir}.taken`);
}

export async function corruptWal(host: Host): Promise<void> {
  // Killed first, it would be started again while its files are being changed.
  await signalEtcd(host, 'STOP');
  flipBytes(host.path(walDir(dataDir)), writtenKeys);
  await signalEtcd(host, 'KILL');
}

export async function powerCut(host: Host, forMs: number): Promise<void> {
  await host.powerCut();
  await sleep(forMs);
  await host.boot();
}

export async function reboot(host: Host): Promise<void> {
  await host.shutDown();
  await host.boot();
}

export async function loseAddress(host: Host, forMs: number): Promise<void> {
  await host.powerCut();
  await takeAddress(host.name);
  await sleep(forMs);
  await host.boot();
}

export function regainAddress(host: Host): Promise<void> {
  return giveAddress(host.name);
}

/** The host is cut off from everybody: the other hosts, the coordinator, the application. */
export function silence(host: Host, { hosts }: HostsWorld): Promise<void> {
  const others: Side[] = hosts.filter((each) => each !== host).map(({ name }) => name);
  return cut([host.name], [...others, 'coordinator', 'application']);
}

/** A fresh disk, and what OPERATIONS.md tells an operator to do then. */
export async function reinstall(host: Host, { lab }: HostsWorld, forMs: number): Promise<void> {
  await host.powerCut();
  await host.reinstall();
  await sleep(forMs);
  await host.boot();
  await host.must('systemctl', 'enable', '--now', 'etcd-agent');
  await listening(host);
  await enrol(lab, host, { replace: true });
  expect(await lab.coordinator(['bootstrap', '--yes'])).toMatchObject({ code: 0 });
}

/**
 * A copy of the host's disk, once the cluster has gone on so far that these others will notice it, by default all. For `rollBack`.
 */
export async function copyDisk(
  host: Host,
  world: HostsWorld,
  others: readonly Host[] = world.hosts.filter((each) => each !== host),
): Promise<string> {
  const copies = join(runDir, 'copies');
  mkdirSync(copies, { recursive: true });
  const copy = join(copies, `${host.name}-${Math.round(performance.now())}`);
  const { header } = await world.application.answer('status', host);
  await host.copyDisk(copy);
  await world.remembered(
    host,
    memberIdFromUint64(header.member_id),
    lastIndex(join(copy, walDir(dataDir))),
    others,
  );
  return copy;
}

/** The host loses power and comes back with the older disk, on which its agent remembers no more than etcd does. */
export async function rollBack(host: Host, copy: string): Promise<void> {
  await host.powerCut();
  await host.restoreDisk(copy);
  await host.boot();
}

/** The agent ends and its unit starts it again `forMs` later. */
export async function killAgent(host: Host, forMs: number): Promise<void> {
  await host.must('systemctl', 'kill', '--signal=KILL', 'etcd-agent');
  await host.must('systemctl', 'stop', 'etcd-agent');
  await sleep(forMs);
  await host.must('systemctl', 'start', 'etcd-agent');
}

/** A new, empty file system of that many MiB is mounted in the place of the data, which is moved away, and etcd is killed. */
export async function newDisk(host: Host, mebibytes: number): Promise<void> {
  const pid = await mainPid(host, 'etcd');
  const place = `mv ${dataDir} ${dataDir}.before; mkdir ${dataDir}`;
  const mount = `mount -t tmpfs -o size=${mebibytes}m,mode=700,uid=etcd,gid=etcd lab ${dataDir}`;
  await host.must('sh', '-c', `set -e; ${place}; ${mount}; kill -KILL ${pid}`);
}
