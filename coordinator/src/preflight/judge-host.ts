/** The checks of the host under etcd: clock, disk, memory, and what snapshots need. Pure. */
import { type Finding, finding, type NodeReport } from './findings.js';

/** Peers warn from one second on; certificates and leases of the cluster do not survive much more. Milliseconds. */
const clockWarnMs = 1_000;
const clockFailMs = 5_000;
/** etcd's own defaults: a WAL segment is 64 MB preallocated, twice; with less than this it stops within hours. */
const freeFailBytes = 256 * 1024 ** 2;
/** Twice etcd's default quota of 2 GiB, for the data and one copy of it. */
const freeWarnBytes = 4 * 1024 ** 3;
/** etcd's advice for the disk under its WAL: p99 below 10 ms. */
const fsyncWarnMs = 10;
/** etcd maps its whole database, 2 GiB at its default quota, and keeps an index of all keys besides. */
const memoryWarnBytes = 1024 ** 3;
/** More than what any host swaps out at its start and never needs again. */
const swapWarnBytes = 256 * 1024 ** 2;

export function clock({ place, clock: { offsetMs, uncertainMs } }: NodeReport): Finding {
  const off = Math.max(0, Math.abs(offsetMs) - uncertainMs);
  const message = `${offsetMs >= 0 ? '+' : ''}${(offsetMs / 1000).toFixed(2)} s from this host (± ${(uncertainMs / 1000).toFixed(2)} s)`;
  const result = off > clockFailMs ? 'fail' : off > clockWarnMs ? 'warn' : 'ok';
  return finding(
    place,
    'clock',
    result,
    message,
    'synchronise the clocks: chronyc makestep, or timedatectl set-ntp true',
  );
}

export function disk({ place, facts: { disk: found } }: NodeReport): Finding[] {
  if (found.kind === 'failed')
    return [finding(place, 'disk-free', 'fail', found.why, found.next ?? 'make room on that file system')];
  const free = `${formatBytes(found.freeBytes)} free`;
  const freeFinding =
    found.freeBytes < freeFailBytes
      ? finding(
          place,
          'disk-free',
          'fail',
          `${free}: etcd needs at least ${formatBytes(freeFailBytes)} to begin`,
          `make room under ${place.dataDir}`,
        )
      : finding(
          place,
          'disk-free',
          found.freeBytes < freeWarnBytes ? 'warn' : 'ok',
          free,
          `room for a full database and a copy of it is ${formatBytes(freeWarnBytes)}: a larger file system under ${place.dataDir}`,
        );
  const slow = found.fsyncMsMedian > fsyncWarnMs;
  const latency = `fsync ${found.fsyncMsMedian.toFixed(1)} ms median, ${found.fsyncMsMax.toFixed(1)} ms worst`;
  return [
    freeFinding,
    finding(
      place,
      'disk-fsync',
      slow ? 'warn' : 'ok',
      slow ? `${latency}: etcd wants less than ${fsyncWarnMs} ms` : latency,
      `a faster disk under ${place.dataDir}, or a longer heartbeatInterval and electionTimeout`,
    ),
  ];
}

export function memory({ place, facts: { memory: found } }: NodeReport): Finding[] {
  if (found === undefined) return [];
  const { totalBytes, availableBytes, swapUsedBytes } = found;
  const state = `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)} available`;
  if (availableBytes < memoryWarnBytes)
    return [
      finding(
        place,
        'memory',
        'warn',
        `${state}: etcd wants its whole database in memory`,
        'more memory, or fewer other programs on that host',
      ),
    ];
  return [
    swapUsedBytes > swapWarnBytes
      ? finding(
          place,
          'memory',
          'warn',
          `${state}, ${formatBytes(swapUsedBytes)} swapped out: a member that waits for its own memory misses heartbeats`,
          'swapoff -a on that host, or more memory',
        )
      : finding(place, 'memory', 'ok', state),
  ];
}

/** Nothing stands in the way of a cluster; but nobody would look for the reason before a night that needs one. */
export function snapshots({ place, facts: { snapshots: found } }: NodeReport): Finding[] {
  if (found === undefined) return [];
  return [
    found.kind === 'ready'
      ? finding(place, 'snapshots', 'ok', `can be kept in ${found.dir} and tried`)
      : finding(place, 'snapshots', 'warn', `its agent can take none: ${found.why}`, found.next),
  ];
}

function formatBytes(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return gib < 1 ? `${Math.floor(bytes / 1024 ** 2)} MiB` : `${gib.toFixed(gib < 10 ? 1 : 0)} GiB`;
}
