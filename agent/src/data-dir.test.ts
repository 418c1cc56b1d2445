import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  linuxAccounts,
  linuxFiles,
  type ServiceManager,
  silentLogger,
  systemClock,
} from '@etcd-agent/platform';
import { healingPolicySchema, type MemberSpec } from '@etcd-agent/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSchema, pathsOf } from './config.js';
import { claimDataDir, judgeDataDir, quarantineDataDir, readWal } from './data-dir.js';
import { quarantine, startEtcd } from './etcd-start.js';
import { HealStore } from './heal/memory.js';
import type { AgentHost } from './host.js';
import { linuxOutside } from './linux-host.js';
import { Store } from './store.js';

// The real file system; the service manager is a stand-in that only counts, since nothing here is about etcd itself.

const bootstrapId = '5f0d8a52-9d0e-4c3f-8f3e-3a0f5e1c2b7a';
const otherBootstrapId = '0c3f9f5e-6a5b-4d0e-9b0a-1d2e3f4a5b6c';

let dir: string;
let host: AgentHost;
let started: number;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'data-dir-'));
  const config = configSchema.parse({
    stateDir: join(dir, 'agent'),
    runDir: join(dir, 'run'),
    etcdConfigDir: join(dir, 'etc'),
    etcdUser: '',
  });
  const paths = pathsOf(config);
  started = 0;
  const services = {
    kind: 'process',
    observe: async () =>
      started === 0 ? { kind: 'inactive', result: 'never started' } : { kind: 'active', pid: 1 },
    enable: async () => {},
    start: async () => {
      started += 1;
    },
    stop: async () => {},
  } as unknown as ServiceManager;
  const store = new Store(linuxFiles, paths);
  host = {
    config,
    paths,
    clock: systemClock,
    files: linuxFiles,
    accounts: linuxAccounts,
    services,
    store,
    log: silentLogger,
    heal: new HealStore(linuxFiles, paths),
    ...linuxOutside(),
  };
  await store.prepare();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('whose a data dir is', () => {
  it('missing, empty, and an empty file system are told apart from foreign data', async () => {
    expect(await judge()).toEqual({ kind: 'missing' });
    mkdirSync(dataDir());
    expect(await judge()).toEqual({ kind: 'empty' });
    mkdirSync(join(dataDir(), 'lost+found'));
    expect(await judge()).toEqual({ kind: 'empty' });
    writeFileSync(join(dataDir(), 'precious'), '1');
    expect(await judge()).toMatchObject({ kind: 'foreign', why: expect.stringContaining('precious') });
  });

  it.each([
    ['member is a link to a disk that is not mounted', 'member', '/nowhere/member'],
    ['the WAL is a link to a disk that is not mounted', 'member/wal', '/nowhere/wal'],
    ['the WAL is a link to an empty mount point', 'member/wal', '../empty'],
  ])('%s: not the same as no data', async (_what, link, target) => {
    mkdirSync(join(dataDir(), link, '..'), { recursive: true });
    mkdirSync(join(dataDir(), '..', 'empty'));
    symlinkSync(target === '../empty' ? join(dataDir(), '..', 'empty') : target, join(dataDir(), link));
    expect(await judge()).toEqual({ kind: 'unknown', why: expect.stringContaining(link) });
  });

  it('a directory that this user may not look into is not one without data', async () => {
    mkdirSync(join(dataDir(), 'member'), { recursive: true });
    // Root may look anywhere: what another user would be told.
    const stat: typeof linuxFiles.stat = async (path) =>
      path.endsWith('/wal') ? { kind: 'denied', code: 'EACCES' } : linuxFiles.stat(path);
    await expect(readWal({ ...linuxFiles, stat }, join(dataDir(), 'member', 'wal'))).rejects.toThrow(
      /no access/,
    );
  });

  it('a file in its place is foreign', async () => {
    writeFileSync(dataDir(), '');
    expect(await judge()).toMatchObject({ kind: 'foreign' });
  });

  it('what etcd leaves before its first WAL record is ours, in the directory that was claimed', async () => {
    await claimDataDir(host, spec(), undefined);
    mkdirSync(join(dataDir(), 'member', 'snap'), { recursive: true });
    expect(await judge()).toMatchObject({ kind: 'ours', bootstrapId, wal: { kind: 'none' } });
  });

  it('another directory at the same path is not the one that was claimed', async () => {
    await claimDataDir(host, spec(), undefined);
    // Moved, not removed: the new directory cannot get its inode.
    renameSync(dataDir(), join(dir, 'held'));
    mkdirSync(dataDir());
    writeFileSync(join(dataDir(), 'precious'), '1');
    expect(await judge()).toMatchObject({ kind: 'foreign' });
  });

  it('a WAL that cannot be read is foreign where nothing was claimed', async () => {
    const wal = join(dataDir(), 'member', 'wal');
    mkdirSync(wal, { recursive: true });
    writeFileSync(join(wal, '0000000000000000-0000000000000000.wal'), 'not a WAL');
    expect(await judge()).toMatchObject({ kind: 'foreign' });
  });
});

describe('claiming', () => {
  it('makes the directory private and is repeatable', async () => {
    await claimDataDir(host, spec(), undefined);
    await claimDataDir(host, spec(), undefined);
    expect(await host.store.dataDirRecord()).toMatchObject({
      path: dataDir(),
      bootstrapId,
      stage: 'claimed',
    });
    expect(await linuxFiles.stat(dataDir())).toMatchObject({ mode: 0o700 });
  });

  it('refuses a directory with anything in it, and leaves that alone', async () => {
    mkdirSync(dataDir());
    writeFileSync(join(dataDir(), 'precious'), 'kept');
    await expect(claimDataDir(host, spec(), undefined)).rejects.toThrow(/not empty and not ours/);
    expect(readFileSync(join(dataDir(), 'precious'), 'utf8')).toBe('kept');
    expect(await host.store.dataDirRecord()).toBeUndefined();
  });
});

describe('starting', () => {
  it('is refused where the data dir has had a WAL and has none now, even in the same directory', async () => {
    await host.store.keepSpec(spec());
    await claimDataDir(host, spec(), undefined);
    const record = (await host.store.dataDirRecord())!;
    await host.store.keepDataDirRecord({ ...record, stage: 'begun' });
    await expect(startEtcd(host, bootstrapId)).rejects.toThrow(/empty start would forget/);
    rmSync(dataDir(), { recursive: true });
    await expect(startEtcd(host, bootstrapId)).rejects.toThrow(/empty start would forget/);
    expect(started).toBe(0);
    expect(await linuxFiles.exists(host.paths.permit)).toBe(false);
  });

  it('is refused for another bootstrap than the one of the spec', async () => {
    await host.store.keepSpec(spec());
    await expect(startEtcd(host, otherBootstrapId)).rejects.toThrow(/no spec of bootstrap/);
    expect(started).toBe(0);
  });

  it('on an empty dir claims it and writes a permit with the member id before the start', async () => {
    await host.store.keepSpec(spec());
    await startEtcd(host, bootstrapId);
    expect(started).toBe(1);
    expect(readFileSync(host.paths.permit, 'utf8')).toBe(`${spec().memberId}\n`);
    expect(readFileSync(host.paths.etcdConf, 'utf8')).toContain('ETCD_INITIAL_CLUSTER_STATE="new"');
  });
});

describe('moving aside', () => {
  it('moves the claimed directory to a sibling and deletes nothing', async () => {
    await host.store.keepSpec(spec());
    await claimDataDir(host, spec(), undefined);
    writeFileSync(join(dataDir(), 'something'), 'kept');
    const { movedTo } = await quarantine(host, bootstrapId);
    expect(readFileSync(join(movedTo!, 'something'), 'utf8')).toBe('kept');
    expect(readdirSync(dir)).not.toContain('data');
  });

  it('is refused for data of another bootstrap, and for data of nobody', async () => {
    await host.store.keepSpec(spec());
    await claimDataDir(host, spec(), undefined);
    writeFileSync(join(dataDir(), 'something'), 'kept');
    await expect(quarantine(host, otherBootstrapId)).rejects.toThrow(/left alone/);
    rmSync(host.paths.dataDirRecord);
    // Another agent process, which has read nothing yet.
    host = { ...host, store: new Store(linuxFiles, host.paths) };
    await expect(quarantine(host, bootstrapId)).rejects.toThrow(/left alone/);
    expect(readFileSync(join(dataDir(), 'something'), 'utf8')).toBe('kept');
  });

  it('ends every empty start of that bootstrap on this host, also where the data was already gone', async () => {
    await host.store.keepSpec(spec());
    await claimDataDir(host, spec(), undefined);
    writeFileSync(join(dataDir(), 'something'), 'kept');
    await quarantine(host, bootstrapId);
    await expect(startEtcd(host, bootstrapId)).rejects.toThrow(/empty start would forget/);
    await quarantine(host, bootstrapId);
    await expect(startEtcd(host, bootstrapId)).rejects.toThrow(/empty start would forget/);
    expect(started).toBe(0);
  });

  it('goes on where a power cut left data in a directory that was being moved aside', async () => {
    await host.store.keepSpec(spec());
    await claimDataDir(host, spec(), undefined);
    writeFileSync(join(dataDir(), 'something'), 'kept');
    const record = (await host.store.dataDirRecord())!;
    await host.store.keepDataDirRecord({ ...record, stage: 'retired' });
    expect(await judge()).toMatchObject({ kind: 'ours', bootstrapId });
    const { movedTo } = await quarantine(host, bootstrapId);
    expect(readFileSync(join(movedTo!, 'something'), 'utf8')).toBe('kept');
  });

  it('has nothing to do where there is no directory', async () => {
    expect(await quarantineDataDir(host, dataDir(), bootstrapId)).toBeNull();
  });
});

function dataDir(): string {
  return join(dir, 'data');
}

async function judge() {
  const [record, known] = await Promise.all([host.store.dataDirRecord(), host.store.spec()]);
  return judgeDataDir(linuxFiles, { dataDir: dataDir() }, { record, spec: known });
}

function spec(): MemberSpec {
  const peerURLs = ['https://127.0.0.1:2380'];
  return {
    generation: 1,
    node: 'etcd0',
    cluster: { name: 'c', bootstrapId, token: 'c-0123456789abcdef', clusterId: '0123456789abcdef' },
    memberId: 'fedcba9876543210',
    etcd: {
      version: '3.5.16',
      dataDir: dataDir(),
      listenPeerURLs: peerURLs,
      listenClientURLs: ['https://127.0.0.1:2379'],
      initialAdvertisePeerURLs: peerURLs,
      advertiseClientURLs: ['https://127.0.0.1:2379'],
      heartbeatInterval: 100,
      electionTimeout: 1000,
    },
    initialCluster: [{ name: 'etcd0', memberId: 'fedcba9876543210', peerURLs }],
    healing: healingPolicySchema.parse({}),
    unwanted: [],
    agents: [
      {
        name: 'etcd0',
        address: '127.0.0.1',
        port: 2400,
        certificateSha256: 'a'.repeat(64),
        clientURLs: ['https://127.0.0.1:2379'],
      },
    ],
  };
}
