/** What an operator is told of each thing that can stand in the way of a bootstrap, and what is let through. */
import type { PreflightFacts, ProbeResult } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { threeNodes } from '../testing/topologies.js';
import { placesOf } from '../topology/places.js';
import { parseTopology } from '../topology/read.js';
import type { Finding, NodeReport } from './findings.js';
import { judge } from './judge.js';

const { topology } = parseTopology(threeNodes, 'c.yaml', () => '');
const places = placesOf(topology);
const bootstrapId = '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11';

const goodFacts = (address: string): PreflightFacts => ({
  now: '2026-01-01T00:00:00.000Z',
  etcd: { kind: 'found', path: '/usr/bin/etcd', version: '3.5.16' },
  service: {
    manager: 'systemd',
    state: { kind: 'inactive' },
    unit: { style: 'environment', detail: '/lib/systemd/system/etcd.service' },
  },
  addresses: ['127.0.0.1', address],
  dataDir: { kind: 'missing' },
  disk: { kind: 'measured', freeBytes: 50 * 1024 ** 3, fsyncMsMedian: 1.2, fsyncMsMax: 4 },
  memory: { totalBytes: 8 * 1024 ** 3, availableBytes: 6 * 1024 ** 3, swapUsedBytes: 0 },
  account: { kind: 'present', name: 'etcd', uid: 990, gid: 990 },
  ports: { client: { kind: 'listening' }, peer: { kind: 'listening' } },
});

function goodReport(index: number): NodeReport {
  const place = places[index]!;
  const probes = places.flatMap((target): ProbeResult[] =>
    target === place
      ? []
      : (['agent', 'client', 'peer'] as const).map((door) => ({
          target: { node: target.name, door, endpoint: { host: target.address, port: 1 } },
          outcome: { kind: 'reached', sourceAddress: place.address },
          ms: 1,
        })),
  );
  return { place, facts: goodFacts(place.address), probes, clock: { offsetMs: 3, uncertainMs: 1 } };
}

const good = (): NodeReport[] => places.map((_place, index) => goodReport(index));

/** Findings that are not ok when the second node's report is changed. */
function troubles(
  change: Partial<Omit<NodeReport, 'facts'>> & { facts?: Partial<PreflightFacts> },
  expected?: { bootstrapId: string; etcdVersion: string },
): Finding[] {
  const reports = good();
  const report = reports[1]!;
  reports[1] = { ...report, ...change, facts: { ...report.facts, ...change.facts } };
  return judge(reports, expected).filter(({ result }) => result !== 'ok');
}

const found = (version: string) => ({
  facts: { etcd: { kind: 'found', path: '/usr/bin/etcd', version } as const },
});

describe('the preflight', () => {
  it('of three good hosts finds nothing, and says what it looked at on each', () => {
    const findings = judge(good(), undefined);
    expect(findings.filter(({ result }) => result !== 'ok')).toEqual([]);
    expect(findings.filter(({ node }) => node === 'n1').map(({ check }) => check)).toEqual([
      'clock',
      'etcd',
      'etcd-version',
      'unit',
      'account',
      'address',
      'port-client',
      'port-peer',
      'data-dir',
      'disk-free',
      'disk-fsync',
      'memory',
      'reach-agent',
      'reach-client',
      'reach-peer',
      'source-address',
    ]);
  });

  it.each([
    ['fail', 10_000, 5],
    ['fail', -10_000, 5],
    ['fail', 5_200, 100],
    ['warn', 4_900, 5],
    ['warn', -1_200, 5],
  ] as const)('%ss a clock that is %d ms off', (result, offsetMs, uncertainMs) => {
    const [finding, ...more] = troubles({ clock: { offsetMs, uncertainMs } });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ node: 'n1', check: 'clock', result });
    expect(finding!.message).toContain(
      `${offsetMs > 0 ? '+' : ''}${(offsetMs / 1000).toFixed(2)} s from this host`,
    );
    expect(finding!.next).toMatch(/chronyc|timedatectl/);
  });

  it('does not blame a clock for what a slow answer makes uncertain', () => {
    expect(troubles({ clock: { offsetMs: 6_000, uncertainMs: 5_500 } })).toEqual([]);
  });

  it('fails a host without etcd and says where it was looked for', () => {
    const findings = troubles({ facts: { etcd: { kind: 'missing', path: '/opt/etcd' } } });
    expect(findings).toContainEqual({
      node: 'n1',
      check: 'etcd',
      result: 'fail',
      message: 'there is no /opt/etcd',
      next: 'install etcd there, or put etcd: { install: ... } into the topology (coordinator template), then coordinator apply',
    });
  });

  it('fails an etcd that does not run, with its own words', () => {
    const [finding] = troubles({
      facts: { etcd: { kind: 'broken', path: '/usr/bin/etcd', why: 'Exec format error' } },
    });
    expect(finding).toMatchObject({
      check: 'etcd',
      result: 'fail',
      message: 'Exec format error',
      next: 'run /usr/bin/etcd --version on n1',
    });
  });

  it('fails every node where versions differ, each with who has what', () => {
    const findings = troubles(found('3.5.30'));
    expect(
      findings.map(({ node, check, result, message }) => `${node} ${check} ${result}: ${message}`),
    ).toEqual([
      'n0 etcd-version fail: 3.5.16, but n1 has 3.5.30',
      'n1 etcd-version fail: 3.5.30, but n0 has 3.5.16, n2 has 3.5.16',
      'n2 etcd-version fail: 3.5.16, but n1 has 3.5.30',
    ]);
  });

  it.each(['3.5.0', '3.5.1', '3.5.2'])('refuses etcd %s, which can lose consistency', (version) => {
    const reports = good().map((report) => ({
      ...report,
      facts: { ...report.facts, ...found(version).facts },
    }));
    const failed = judge(reports, undefined).filter(({ result }) => result === 'fail');
    expect(failed.map(({ node, check }) => `${node} ${check}`)).toEqual([
      'n0 etcd-version',
      'n1 etcd-version',
      'n2 etcd-version',
    ]);
    expect(failed[0]!.message).toContain('install 3.5.3 or newer');
    expect(failed[0]!.message).toContain('can lose consistency');
  });

  it('fails a resume with another minor than the bootstrap began with', () => {
    const findings = judge(good(), { bootstrapId, etcdVersion: '3.4.23' }).filter(
      ({ result }) => result === 'fail',
    );
    expect(findings).toHaveLength(3);
    expect(findings[0]).toMatchObject({
      check: 'etcd-version',
      message: '3.5.16, but the bootstrap began with 3.4.23',
      next: 'install etcd 3.4',
    });
  });

  it.each(['client', 'peer'] as const)(
    'fails a %s port that another program has, and says how to find it',
    (door) => {
      const ports = {
        client: { kind: 'listening' },
        peer: { kind: 'listening' },
        [door]: { kind: 'inUse' },
      } as never;
      const number = door === 'client' ? 2379 : 2380;
      expect(troubles({ facts: { ports } })).toEqual([
        {
          node: 'n1',
          check: `port-${door}`,
          result: 'fail',
          message: `10.0.0.11 port ${number} is taken by another program`,
          next: `on n1: ss -ltnp sport = :${number}`,
        },
      ]);
    },
  );

  it('fails an address that is not on the host, and says which are', () => {
    const findings = troubles({
      facts: {
        addresses: ['127.0.0.1', '10.0.0.99'],
        ports: { client: { kind: 'notLocal' }, peer: { kind: 'notLocal' } },
      },
    });
    expect(findings.map(({ check }) => check)).toEqual(['address', 'port-client', 'port-peer']);
    expect(findings[0]).toMatchObject({
      result: 'fail',
      message: '10.0.0.11 is not on this host, which has 127.0.0.1, 10.0.0.99',
      next: 'correct the address in cluster.yaml in the state directory',
    });
  });

  it('fails a data dir that is not empty and not ours, and never says to delete it', () => {
    const [finding, ...more] = troubles({
      facts: { dataDir: { kind: 'foreign', why: 'it holds important.txt, which this agent did not make' } },
    });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ check: 'data-dir', result: 'fail' });
    expect(finding!.message).toBe(
      '/var/lib/etcd/default.etcd: it holds important.txt, which this agent did not make',
    );
    expect(finding!.next).toMatch(/mv \/var\/lib\/etcd\/default\.etcd /);
    expect(finding!.next).not.toMatch(/\brm\b/);
  });

  it('takes a data dir of this very bootstrap and fails one of another', () => {
    const dataDir = { kind: 'ours', bootstrapId, wal: { kind: 'none' } } as const;
    const expected = { bootstrapId, etcdVersion: '3.5.16' };
    expect(troubles({ facts: { dataDir } }, expected)).toEqual([]);
    const other = { ...expected, bootstrapId: 'c0ffee00-6b6b-4f4e-9c0f-3a6b0b6f2d11' };
    expect(troubles({ facts: { dataDir } }, other)).toMatchObject([{ check: 'data-dir', result: 'fail' }]);
    expect(troubles({ facts: { dataDir } })).toMatchObject([
      { check: 'data-dir', result: 'fail', next: 'use the coordinator state that made it' },
    ]);
  });

  it('warns of a host that could take no snapshots, where the topology wants them', () => {
    const lacking = {
      kind: 'lacking',
      why: 'nothing on this host restores snapshots',
      next: 'a program',
    } as const;
    expect(troubles({ facts: { snapshots: lacking } })).toMatchObject([
      { node: places[1]!.name, check: 'snapshots', result: 'warn', next: 'a program' },
    ]);
    expect(troubles({ facts: { snapshots: { kind: 'ready', dir: '/var/backups' } } })).toEqual([]);
  });

  it('fails a full disk and warns of a small or slow one', () => {
    const disk = (freeBytes: number, fsyncMsMedian = 1) =>
      troubles({ facts: { disk: { kind: 'measured', freeBytes, fsyncMsMedian, fsyncMsMax: 50 } } });
    expect(disk(10 * 1024 ** 2)).toMatchObject([
      { check: 'disk-free', result: 'fail', next: 'make room under /var/lib/etcd/default.etcd' },
    ]);
    expect(disk(1024 ** 3)).toMatchObject([{ check: 'disk-free', result: 'warn' }]);
    expect(disk(50 * 1024 ** 3, 30)).toMatchObject([{ check: 'disk-fsync', result: 'warn' }]);
    expect(troubles({ facts: { disk: { kind: 'failed', why: 'no space left on device' } } })).toMatchObject([
      {
        check: 'disk-free',
        result: 'fail',
        message: 'no space left on device',
        next: 'make room on that file system',
      },
    ]);
    // The agent knows better where it is its own unit that closes the place.
    const next = 'another dataDir, or on the host: …';
    expect(troubles({ facts: { disk: { kind: 'failed', why: 'closed', next } } })).toMatchObject([{ next }]);
  });

  it('warns of little memory, and of memory that is swapped out', () => {
    const gib = 1024 ** 3;
    const memory = (availableBytes: number, swapUsedBytes = 0) =>
      troubles({ facts: { memory: { totalBytes: 8 * gib, availableBytes, swapUsedBytes } } });
    expect(memory(gib)).toEqual([]);
    expect(memory(gib, 200 * 1024 ** 2)).toEqual([]);
    expect(memory(gib - 1)).toMatchObject([
      { check: 'memory', result: 'warn', message: expect.stringContaining('1023 MiB of 8.0 GiB available') },
    ]);
    expect(memory(2 * gib, gib)).toMatchObject([
      { check: 'memory', result: 'warn', message: expect.stringContaining('1.0 GiB swapped out') },
    ]);
    // An older agent does not tell.
    expect(troubles({ facts: { memory: undefined } })).toEqual([]);
  });

  it('tells free space in a unit that shows it', () => {
    const [finding] = troubles({
      facts: { disk: { kind: 'measured', freeBytes: 10 * 1024 ** 2, fsyncMsMedian: 1, fsyncMsMax: 1 } },
    });
    expect(finding!.message).toBe('10 MiB free: etcd needs at least 256 MiB to begin');
  });

  it('fails a door that another node cannot reach, with the way it failed', () => {
    const probes: ProbeResult[] = [
      {
        target: { node: 'n2', door: 'peer', endpoint: { host: '10.0.0.12', port: 2380 } },
        outcome: { kind: 'failed', why: 'no answer in 3000 ms' },
        ms: 3000,
      },
    ];
    expect(troubles({ probes })).toEqual([
      {
        node: 'n1',
        check: 'reach-peer',
        result: 'fail',
        message: 'does not reach n2 (10.0.0.12 port 2380): no answer in 3000 ms',
        next: 'open the port in the firewalls between the hosts',
      },
    ]);
  });

  it('fails a node that others see come from an address its certificate does not name', () => {
    const probes = goodReport(1).probes.map((probe) => ({
      ...probe,
      outcome: { kind: 'reached', sourceAddress: '10.9.9.9' } as const,
    }));
    const [finding, ...more] = troubles({ probes });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ node: 'n1', check: 'source-address', result: 'fail' });
    expect(finding!.message).toBe(
      'n0 sees it come from 10.9.9.9; n2 sees it come from 10.9.9.9, but its certificate names 10.0.0.11',
    );
  });

  it('takes an IPv6 source address in another spelling for the same', () => {
    const place = { ...places[1]!, address: 'fd00:0:0::11' };
    const probes = goodReport(1).probes.map((probe) => ({
      ...probe,
      outcome: { kind: 'reached', sourceAddress: 'fd00::11' } as const,
    }));
    expect(troubles({ place, probes, facts: { addresses: ['fd00::11'] } })).toEqual([]);
  });

  it('fails a missing account of etcd', () => {
    expect(troubles({ facts: { account: { kind: 'missing', name: 'etcd' } } })).toMatchObject([
      { check: 'account', result: 'fail', message: 'there is no user etcd' },
    ]);
  });

  it.each([
    ['flags', 'warn', '/usr/lib/systemd/system/etcd.service passes --name --data-dir --listen-client-urls'],
    ['configFile', 'warn', '/etc/systemd/system/etcd.service passes --config-file'],
    ['unknown', 'fail', 'etcd.service is masked'],
  ] as const)(
    'of a distribution unit in style %s gives a %s that says what it passes',
    (style, result, detail) => {
      const service = { ...goodFacts('').service, unit: { style, detail } };
      const [finding, ...more] = troubles({ facts: { service } });
      expect(more).toEqual([]);
      expect(finding).toMatchObject({ check: 'unit', result });
      expect(finding!.message).toContain(detail);
      expect(finding!.next).toBeDefined();
    },
  );

  it.each(['environment', 'flags'] as const)(
    'fails an etcd.service in style %s that runs already: it would go on with its own data',
    (style) => {
      const service = {
        ...goodFacts('').service,
        state: { kind: 'active', pid: 7 } as const,
        unit: { style, detail: '/lib/systemd/system/etcd.service' },
      };
      expect(troubles({ facts: { service } })).toMatchObject([
        { check: 'unit', result: 'fail', next: expect.stringContaining('systemctl disable --now etcd') },
      ]);
    },
  );

  it.each([
    ['ours under systemd', { manager: 'systemd', unit: { style: 'ours', detail: '' } }],
    ['supervised by the agent itself', { manager: 'process', unit: { style: 'none', detail: '' } }],
  ] as const)('accepts a running etcd that is %s: a bootstrap goes on from it', (_what, service) => {
    const state = { kind: 'active', pid: 7 } as const;
    expect(troubles({ facts: { service: { ...service, state } } })).toEqual([]);
  });

  it('gives every failure and every warning something to do', () => {
    const all = [
      ...troubles({ clock: { offsetMs: 60_000, uncertainMs: 1 } }),
      ...troubles({ facts: { etcd: { kind: 'missing', path: '/x' } } }),
      ...troubles({ facts: { dataDir: { kind: 'unknown', why: 'no access (EACCES)' } } }),
      ...troubles({
        facts: { ports: { client: { kind: 'failed', why: 'EACCES' }, peer: { kind: 'listening' } } },
      }),
      ...troubles({
        facts: { disk: { kind: 'measured', freeBytes: 1024 ** 3, fsyncMsMedian: 99, fsyncMsMax: 99 } },
      }),
      ...troubles({ probes: [], facts: { disk: { kind: 'failed', why: 'x' } } }),
      ...troubles(found('3.5.1')),
      ...troubles(found('3.6.0')),
    ];
    expect(all.filter(({ next }) => next === undefined)).toEqual([]);
  });
});
