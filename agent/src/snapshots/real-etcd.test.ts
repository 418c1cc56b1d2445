/**
 * Snapshots of real etcds, restored on trial and for good: what comes out is what went in, and what is not whole is refused.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  acceptsConnections,
  freeLoopbackPorts,
  linuxFiles,
  processesWithArgument,
  systemClock,
} from '@etcd-agent/platform';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentHost } from '../host.js';
import { restoreSnapshot } from './restore-snapshot.js';
import { SnapshotStore } from './snapshot-store.js';
import { clearTrials, trialRestore } from './trial-restore.js';

const programs = resolve(import.meta.dirname, '../../../.cache/etcd');

function hostWith(version: string, home: string): AgentHost {
  return {
    config: { etcdBinary: join(programs, version, 'etcd'), etcdUser: '' },
    paths: { ownEtcds: join(home, 'etcds') },
    services: { kind: 'process' },
    files: linuxFiles,
    clock: systemClock,
    chance: { uuid: () => crypto.randomUUID() },
    log: { info() {}, warn() {}, error() {} },
  } as unknown as AgentHost;
}

/** By when an etcd that was started serves: long after it listens, where the machine is busy. */
const healthyMsMax = 60_000;

class Source {
  private child: ChildProcess | undefined;
  private endpoint = '';

  constructor(
    readonly version: string,
    readonly home: string,
  ) {}

  async start(dataDir = join(this.home, 'data')): Promise<void> {
    const [client, peer] = (await freeLoopbackPorts(2)) as [number, number];
    this.endpoint = `http://127.0.0.1:${client}`;
    const urls = [`--listen-client-urls=${this.endpoint}`, `--advertise-client-urls=${this.endpoint}`];
    const child = spawn(
      join(programs, this.version, 'etcd'),
      [`--data-dir=${dataDir}`, `--listen-peer-urls=http://127.0.0.1:${peer}`, ...urls],
      { stdio: 'ignore' },
    );
    this.child = child;
    let last: unknown = new Error('nothing listens');
    for (const endMs = performance.now() + healthyMsMax; ; await systemClock.sleep(50)) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`etcd ${this.version} has ended by itself: ${child.exitCode ?? child.signalCode}`);
      if (await acceptsConnections('127.0.0.1', client, 500)) {
        try {
          this.ctl('endpoint', 'health');
          return;
        } catch (error) {
          last = error;
        }
      }
      if (performance.now() > endMs) throw last;
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.child!, 'exit');
    this.child!.kill('SIGKILL');
    await ended;
  }

  ctl(...args: string[]): string {
    return execFileSync(join(programs, this.version, 'etcdctl'), ['--endpoints', this.endpoint, ...args], {
      env: { ETCDCTL_API: '3' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** By the JSON gateway: bytes of any kind go in, as base64. */
  async call(path: string, body: object): Promise<Record<string, unknown>> {
    const prefix = this.version < '3.4' ? 'v3beta' : 'v3';
    const reply = await fetch(`${this.endpoint}/${prefix}/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    const read = (await reply.json()) as Record<string, unknown>;
    if (!reply.ok) throw new Error(`${path}: ${JSON.stringify(read)}`);
    return read;
  }

  /** Everything that clients can see of it, now and at an earlier revision; each key says its lease, and a lease how long it was granted for. */
  async everything(earlier: number): Promise<object> {
    const all = { key: 'AA==', range_end: 'AA==' };
    const [now, before] = [
      await this.call('kv/range', all),
      await this.call('kv/range', { ...all, revision: earlier }),
    ];
    const leases = this.ctl('lease', 'list').match(/^[0-9a-f]{8,}$/gm) ?? [];
    const told = leases.map((id) => this.ctl('lease', 'timetolive', id).replace(/remaining\(\d+s\)/, ''));
    const { revision } = now.header as { revision: string };
    return { revision, now: now.kvs, before: before.kvs, leases: told.sort() };
  }

  /** As the member itself has it. */
  state(): { revision: string; keys: number; hash: number } {
    const [{ HashKV }] = JSON.parse(this.ctl('endpoint', 'hashkv', '-w', 'json')) as [
      { HashKV: { header: { revision: number }; hash: number } },
    ];
    const keys = this.ctl('get', '', '--prefix', '--keys-only').split('\n').filter(Boolean).length;
    return { revision: String(HashKV.header.revision), keys, hash: HashKV.hash };
  }
}

const versions = ['3.3.25', '3.4.23', '3.5.30'];

describe.each(versions)('a snapshot of etcd %s', (version) => {
  let home: string;
  let host: AgentHost;
  let source: Source;
  let file: string;
  let was: ReturnType<Source['state']>;
  const trial = (path: string) => ({ file: path, seal: 'right', directory: join(home, 'trial') }) as const;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'snapshots-'));
    host = hostWith(version, home);
    source = new Source(version, home);
    await source.start();
    for (let each = 0; each < 12; each += 1) source.ctl('put', `/key/${each % 7}`, `value ${each}`);
    source.ctl('del', '/key/3');
    file = join(home, 'saved.db');
    source.ctl('snapshot', 'save', file);
    was = source.state();
    await source.stop();
  });
  afterAll(() => rmSync(home, { recursive: true }));

  it('restored on trial has the keys, the revision and the hash of the member it was taken from', async () => {
    const content = await trialRestore(host, trial(file));
    expect(content).toMatchObject({ ...was, keys: 6, compactRevision: '-1' });
    expect(existsSync(join(home, 'trial'))).toBe(false);
    expect(await processesWithArgument(`--data-dir=${join(home, 'trial')}`)).toEqual([]);
  });

  it('is restored on trial by every newer minor, with the same keys', async () => {
    for (const newer of versions.filter((each) => each > version))
      expect(await trialRestore(hostWith(newer, home), trial(file)), newer).toMatchObject({
        revision: was.revision,
        keys: 6,
      });
  });

  it('restored for good, serves what any history has left: keys, values, revisions, leases', async () => {
    await source.start();
    const bytes = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((each) => Buffer.from(each).toString('base64'));
    const keys = fc.sample(bytes, { numRuns: 12, seed: 7 });
    const change = fc.record({ key: fc.nat(11), value: bytes, deleted: fc.boolean(), lease: fc.nat(3) });
    for (const id of [1001, 1002, 1003]) await source.call('lease/grant', { ID: id, TTL: 5_000 + id });
    for (const { key, value, deleted, lease } of fc.sample(change, { numRuns: 120, seed: 11 })) {
      if (deleted) await source.call('kv/deleterange', { key: keys[key] });
      else await source.call('kv/put', { key: keys[key], value, lease: lease === 0 ? 0 : 1000 + lease });
    }
    const [compacted, earlier] = [40, 90];
    await source.call('kv/compaction', { revision: compacted, physical: true });
    const saved = join(home, 'random.db');
    source.ctl('snapshot', 'save', saved);
    const before = await source.everything(earlier);
    await source.stop();
    const dataDir = join(home, 'again');
    const member = { name: 'default', peerURLs: ['http://localhost:2380'] };
    await restoreSnapshot(host, {
      ...member,
      file: saved,
      dataDir,
      initialCluster: [member],
      token: 'again',
      owner: undefined,
      seal: 'right',
      bumpRevision: 0,
    });
    await source.start(dataDir);
    try {
      expect(await source.everything(earlier)).toEqual(before);
      await expect(source.everything(compacted - 1)).rejects.toThrow(/compacted/);
    } finally {
      await source.stop();
    }
  });

  it('with one byte changed, or cut short, is refused and leaves nothing', async () => {
    const bytes = readFileSync(file);
    const damaged = join(home, 'damaged.db');
    const store = new SnapshotStore(linuxFiles, home);
    for (const [what, wrong] of [
      ['a byte changed', Buffer.from(bytes.map((byte, at) => (at === 9_000 ? byte ^ 1 : byte)))],
      ['cut', bytes.subarray(0, bytes.length - 512)],
      ['cut in a block', bytes.subarray(0, bytes.length - 100)],
    ] as const) {
      writeFileSync(damaged, wrong);
      await expect(store.check(damaged), what).rejects.toThrow(/damaged or cut short/);
      await expect(trialRestore(host, trial(damaged)), what).rejects.toThrow(/cannot be restored/);
      expect(
        readdirSync(home).filter((name) => name.startsWith('trial')),
        what,
      ).toEqual([]);
    }
  });

  it('is restored in one piece, for the member that is named, and over nothing', async () => {
    const dataDir = join(home, 'restored');
    const order = {
      file,
      dataDir,
      name: 'etcd1',
      initialCluster: [
        { name: 'etcd0', peerURLs: ['https://10.0.0.1:2380'] },
        { name: 'etcd1', peerURLs: ['https://10.0.0.2:2380'] },
      ],
      token: 'another-token',
      peerURLs: ['https://10.0.0.2:2380'],
      owner: undefined,
      seal: 'right',
      bumpRevision: 0,
    } as const;
    await restoreSnapshot(host, order);
    expect(readdirSync(join(dataDir, 'member')).sort()).toEqual(['snap', 'wal']);
    expect(existsSync(`${dataDir}.part`)).toBe(false);
    await expect(restoreSnapshot(host, order)).rejects.toThrow(/nothing is restored over it/);
    const raised = restoreSnapshot(host, { ...order, dataDir: `${dataDir}-2`, bumpRevision: 1_000 });
    if (version === '3.5.30') await raised;
    else await expect(raised).rejects.toThrow(/cannot raise the revision/);
  });

  it('whose trial was cut short by the end of the agent is cleared away, its etcd with it', async () => {
    const directory = join(home, 'trial');
    const dataDir = join(directory, 'data');
    copyFileSync(file, join(home, 'again.db'));
    const left = spawn(
      join(programs, version, 'etcd'),
      [`--data-dir=${dataDir}`, ...leftURLs(await freeLoopbackPorts(2))],
      { stdio: 'ignore' },
    );
    const ended = once(left, 'exit');
    while (!existsSync(dataDir)) await systemClock.sleep(10);
    await clearTrials(host, directory);
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(existsSync(directory)).toBe(false);
  });
});

function leftURLs([client, peer]: number[]): string[] {
  const url = `http://127.0.0.1:${client}`;
  return [
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
  ];
}
