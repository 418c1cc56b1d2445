/**
 * What the facts that the agents report mean for a cluster that is about to begin. Pure; every check of every node gives
 * its finding, so that an operator sees everything at once.
 */
import { compareVersions, judgeVersion, minorOf, parseEtcdVersion } from '@etcd-agent/etcd';
import type { PreflightFacts, ProbeResult } from '@etcd-agent/protocol';
import { canonicalAddress } from '../topology/addresses.js';
import type { NodePlace } from '../topology/places.js';
import type { Finding } from './findings.js';

/** Peers warn from one second on; certificates and leases of the cluster do not survive much more. Milliseconds. */
const clockWarnMs = 1_000;
const clockFailMs = 5_000;
/** etcd's own defaults: a WAL segment is 64 MB preallocated, twice; with less than this it stops within hours. */
const freeFailBytes = 256 * 1024 ** 2;
/** Twice etcd's default quota of 2 GiB, for the data and one copy of it. */
const freeWarnBytes = 4 * 1024 ** 3;
/** etcd's advice for the disk under its WAL: p99 below 10 ms. */
const fsyncWarnMs = 10;

export interface NodeReport {
  readonly place: NodePlace;
  readonly facts: PreflightFacts;
  readonly probes: readonly ProbeResult[];
  readonly clock: { readonly offsetMs: number; readonly uncertainMs: number };
}

/** What a resume expects; undefined before the first record. */
export interface Expectation {
  readonly bootstrapId: string;
  readonly etcdVersion: string;
}

export function judge(reports: readonly NodeReport[], expected: Expectation | undefined): Finding[] {
  return reports.flatMap((report) => [
    clock(report),
    etcdBinary(report),
    etcdVersion(report, reports, expected),
    unit(report),
    account(report),
    address(report),
    port(report, 'client'),
    port(report, 'peer'),
    dataDir(report, expected),
    ...disk(report),
    ...reach(report),
    sourceAddress(report),
  ]);
}

function clock({ place, clock: { offsetMs, uncertainMs } }: NodeReport): Finding {
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

function etcdBinary({ place, facts: { etcd } }: NodeReport): Finding {
  switch (etcd.kind) {
    case 'found':
      return finding(place, 'etcd', 'ok', `${etcd.path} ${etcd.version}`);
    case 'missing':
      return finding(
        place,
        'etcd',
        'fail',
        `there is no ${etcd.path}`,
        'install etcd there, or set etcdBinary in agent.yaml',
      );
    case 'broken':
      return finding(place, 'etcd', 'fail', etcd.why, `run ${etcd.path} --version on ${place.name}`);
  }
}

// The same version everywhere: a cluster that begins mixed begins as its oldest member, and nobody meant that.
function etcdVersion(
  { place, facts }: NodeReport,
  reports: readonly NodeReport[],
  expected: Expectation | undefined,
): Finding {
  const check = 'etcd-version';
  if (facts.etcd.kind !== 'found')
    return finding(place, check, 'fail', 'not known without an etcd that runs', 'see the check etcd');
  const version = parseEtcdVersion(facts.etcd.version)!;
  const verdict = judgeVersion(version);
  if (verdict.kind === 'refuse')
    return finding(place, check, 'fail', verdict.why, 'install another etcd there, the same on every node');
  const others = reports.flatMap(({ facts: { etcd }, place: other }) =>
    etcd.kind === 'found' && compareVersions(parseEtcdVersion(etcd.version)!, version) !== 0
      ? [`${other.name} has ${etcd.version}`]
      : [],
  );
  if (others.length > 0) {
    return finding(
      place,
      check,
      'fail',
      `${version.text}, but ${others.join(', ')}`,
      'install the same version everywhere',
    );
  }
  const recorded = expected === undefined ? undefined : parseEtcdVersion(expected.etcdVersion);
  if (recorded !== undefined && minorOf(recorded) !== minorOf(version)) {
    return finding(
      place,
      check,
      'fail',
      `${version.text}, but the bootstrap began with ${recorded.text}`,
      `install etcd ${minorOf(recorded)}`,
    );
  }
  return verdict.kind === 'warn'
    ? finding(
        place,
        check,
        'warn',
        verdict.why,
        'try it on a cluster that may be lost, or install a tested version',
      )
    : finding(place, check, 'ok', version.text);
}

function unit({ place, facts: { service } }: NodeReport): Finding {
  const { unit: found } = service;
  const message = found.detail === '' ? found.style : `${service.manager}: ${found.detail}`;
  switch (found.style) {
    case 'none':
    case 'environment':
    case 'ours':
      return finding(place, 'unit', 'ok', message);
    case 'flags':
      return finding(
        place,
        'unit',
        'warn',
        `${message}; our drop-in replaces its command line`,
        'put what you need of them into the topology',
      );
    case 'configFile':
      return finding(
        place,
        'unit',
        'warn',
        `${message}; our drop-in replaces its command line, and etcd will no longer read that file`,
        'put what you need of it into the topology',
      );
    case 'unknown':
      return finding(
        place,
        'unit',
        'fail',
        message,
        `on ${place.name}: systemctl status etcd; systemctl unmask etcd`,
      );
  }
}

function account({ place, facts: { account: found } }: NodeReport): Finding {
  switch (found.kind) {
    case 'present':
      return finding(place, 'account', 'ok', `${found.name} (${found.uid})`);
    case 'notUsed':
      return finding(place, 'account', 'ok', "etcd runs as the agent's own user");
    case 'missing':
      return finding(
        place,
        'account',
        'fail',
        `there is no user ${found.name}`,
        'install the etcd package, or set etcdUser in agent.yaml',
      );
  }
}

function address({ place, facts }: NodeReport): Finding {
  const here =
    facts.addresses.map(canonicalAddress).includes(canonicalAddress(place.address)) ||
    isLoopbackOf(place, facts);
  return here
    ? finding(place, 'address', 'ok', place.address)
    : finding(
        place,
        'address',
        'fail',
        `${place.address} is not on this host, which has ${facts.addresses.join(', ')}`,
        'correct the address in the topology',
      );
}

// All of 127.0.0.0/8 is on every host, though interfaces show only 127.0.0.1.
function isLoopbackOf({ address: own }: NodePlace, { addresses }: PreflightFacts): boolean {
  return own.startsWith('127.') && addresses.includes('127.0.0.1');
}

function port({ place, facts }: NodeReport, door: 'client' | 'peer'): Finding {
  const state = facts.ports[door];
  const number = door === 'client' ? place.clientPort : place.peerPort;
  const at = `${place.address} port ${number}`;
  const check = `port-${door}`;
  switch (state.kind) {
    case 'listening':
      return finding(place, check, 'ok', `${at} is free`);
    case 'ownEtcd':
      return finding(place, check, 'ok', `${at} is held by the etcd of this agent`);
    case 'inUse':
      return finding(
        place,
        check,
        'fail',
        `${at} is taken by another program`,
        `on ${place.name}: ss -ltnp sport = :${number}`,
      );
    case 'notLocal':
      return finding(
        place,
        check,
        'fail',
        `${place.address} is not on this host`,
        'correct the address in the topology',
      );
    case 'failed':
      return finding(
        place,
        check,
        'fail',
        `${at}: ${state.why}`,
        `correct the port in the topology, or what stops etcd-agent from listening there`,
      );
  }
}

function dataDir(
  { place, facts: { dataDir: found } }: NodeReport,
  expected: Expectation | undefined,
): Finding {
  const check = 'data-dir';
  switch (found.kind) {
    case 'missing':
    case 'empty':
      return finding(
        place,
        check,
        'ok',
        `${place.dataDir} is ${found.kind === 'missing' ? 'not there yet' : 'empty'}`,
      );
    case 'ours': {
      const same = expected !== undefined && found.bootstrapId === expected.bootstrapId;
      if (same) return finding(place, check, 'ok', `${place.dataDir} is of this bootstrap`);
      const next =
        expected === undefined
          ? 'use the coordinator state that made it'
          : 'coordinator bootstrap --reset moves it aside';
      return finding(
        place,
        check,
        'fail',
        `${place.dataDir} holds data of bootstrap ${found.bootstrapId ?? 'unknown'}`,
        next,
      );
    }
    case 'foreign':
      return finding(
        place,
        check,
        'fail',
        `${place.dataDir}: ${found.why}`,
        `look at it, then on ${place.name}: mv ${place.dataDir} ${place.dataDir}.old; or give the node another dataDir`,
      );
    case 'unknown':
      return finding(
        place,
        check,
        'fail',
        `${place.dataDir}: ${found.why}`,
        `on ${place.name}: ls -ld ${place.dataDir}; etcd-agent must be able to read it`,
      );
  }
}

function disk({ place, facts: { disk: found } }: NodeReport): Finding[] {
  if (found.kind === 'failed')
    return [finding(place, 'disk-free', 'fail', found.why, 'make room on that file system')];
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

function reach({ place, probes }: NodeReport): Finding[] {
  return (['agent', 'client', 'peer'] as const).map((door) => {
    const failed = probes.flatMap(({ target, outcome }) =>
      target.door === door && outcome.kind === 'failed'
        ? [`${target.node} (${target.endpoint.host} port ${target.endpoint.port}): ${outcome.why}`]
        : [],
    );
    const count = probes.filter(({ target }) => target.door === door).length;
    return failed.length === 0
      ? finding(
          place,
          `reach-${door}`,
          'ok',
          count === 0 ? 'no other node' : `reaches ${count} node${count === 1 ? '' : 's'}`,
        )
      : finding(
          place,
          `reach-${door}`,
          'fail',
          `does not reach ${failed.join('; ')}`,
          'open the port in the firewalls between the hosts',
        );
  });
}

// etcd compares the address that a peer's connection comes from with the addresses in its certificate.
function sourceAddress({ place, probes }: NodeReport): Finding {
  const own = canonicalAddress(place.address);
  const seen = probes.flatMap(({ target, outcome }) =>
    outcome.kind === 'reached' && canonicalAddress(outcome.sourceAddress) !== own
      ? [`${target.node} sees it come from ${outcome.sourceAddress}`]
      : [],
  );
  return seen.length === 0
    ? finding(place, 'source-address', 'ok', 'others see it come from its own address')
    : finding(
        place,
        'source-address',
        'fail',
        `${[...new Set(seen)].join('; ')}, but its certificate names ${place.address}`,
        'use that address for the node, or remove the NAT or the route between the hosts',
      );
}

function finding(
  place: NodePlace,
  check: string,
  result: Finding['result'],
  message: string,
  next?: string,
): Finding {
  return {
    node: place.name,
    check,
    result,
    message,
    ...(next === undefined || result === 'ok' ? {} : { next }),
  };
}

function formatBytes(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return gib < 1 ? `${Math.floor(bytes / 1024 ** 2)} MiB` : `${gib.toFixed(gib < 10 ? 1 : 0)} GiB`;
}
