import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EtcdAdmin, MemberStatus } from './admin.js';
import { EtcdError } from './admin.js';
import type { EtcdConfSettings } from './conf-settings.js';
import { connectEtcd } from './etcd3-admin.js';
import type { EtcdConnection } from './etcd3-client.js';
import { toEtcdError } from './etcd3-errors.js';
import { bootstrapMemberId, clusterIdOf } from './ids.js';
import type { TestCertificates } from './real-etcd/certificates.js';
import { makeCertificates } from './real-etcd/certificates.js';
import {
  callDeadlineMs as deadlineMs,
  envOf,
  newMembers,
  clusterToken as token,
  untilHealthy,
} from './real-etcd/cluster.js';
import { EtcdProcess, etcdBinary, freePorts } from './real-etcd/processes.js';
import { featuresOf, parseEtcdVersion } from './versions.js';
import { isWalSegment, readWalMetadata, walHeadBytes } from './wal.js';

const root = mkdtempSync(join(tmpdir(), 'real-etcd-'));

let certificates: TestCertificates;
let strangers: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates(root);
  strangers = makeCertificates(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.5.30'])('three members of real etcd %s', (text) => {
  const processes: EtcdProcess[] = [];
  const admins: EtcdAdmin[] = [];
  let members: EtcdConfSettings[] = [];
  /** A second address of the first member, which its certificate does not name. */
  let unnamedEndpoint = '';

  beforeAll(async () => {
    const binary = etcdBinary(text);
    const ports = await freePorts(7);
    unnamedEndpoint = `https://127.0.0.2:${ports[6]}`;
    members = newMembers(ports, join(root, text), certificates).map((member, at) => ({
      ...member,
      listenClientURLs: at === 0 ? [...member.listenClientURLs, unnamedEndpoint] : member.listenClientURLs,
    }));
    for (const member of members) admins.push(await connectEtcd(asClient(member.advertiseClientURLs[0]!)));
    for (const member of members) processes.push(new EtcdProcess(binary, envOf(member, text)));
    await Promise.all(admins.map((admin) => untilHealthy(admin)));
  });

  afterAll(async () => {
    for (const admin of admins) admin.close();
    await Promise.all(processes.map((process) => process.stop()));
  });

  it('take every variable of our etcd.conf, and complain of none', () => {
    members.forEach((member, at) => {
      const { log } = processes[at]!;
      expect(log).not.toMatch(complaint);
      const used = log
        .split('\n')
        .filter((line) => line.includes('recognized and used environment variable'));
      for (const name of Object.keys(envOf(member, text))) {
        expect(
          used.some((line) => new RegExp(`\\b${name}\\b`).test(line)),
          `${name} is used`,
        ).toBe(true);
      }
    });
  });

  it('have the member and cluster ids that their peer URLs and token foretell', async () => {
    const expected = members.map((member) => bootstrapMemberId(member.initialAdvertisePeerURLs, token));
    const statuses = await Promise.all(admins.map((admin) => admin.status()));
    expect(statuses.map(({ memberId }) => memberId)).toEqual(expected);
    for (const status of statuses) expect(status.clusterId).toBe(clusterIdOf(expected));
  });

  it('write those ids to the head of their WAL', async () => {
    for (const [at, { dataDir }] of members.entries()) {
      const { memberId, clusterId } = await admins[at]!.status();
      expect(readWalMetadata(walHead(dataDir))).toEqual({ kind: 'ok', nodeId: memberId, clusterId });
    }
  });

  it('report one leader, their version and their size', async () => {
    let statuses: MemberStatus[] = [];
    // A busy machine holds elections of its own, in the midst of which they may differ.
    const agreedOn = async () => {
      statuses = await Promise.all(admins.map((admin) => admin.status()));
      const ids = statuses.map(({ memberId }) => memberId);
      return ids.filter((id) => statuses.every(({ leader }) => leader === id)).length;
    };
    await expect.poll(agreedOn, { timeout: 20_000 }).toBe(1);
    for (const status of statuses) {
      expect(status).toMatchObject({ version: text, isLearner: false });
      expect(status.dbSizeBytes).toBeGreaterThan(0);
      expect(status.raftIndex).toMatch(/^[1-9]\d*$/);
      expect(status.raftTerm).toMatch(/^[1-9]\d*$/);
    }
  });

  it.each([true, false])('list all members as started voters (linearizable: %s)', async (linearizable) => {
    for (const admin of admins) {
      const list = await admin.memberList({ linearizable });
      expect(list.map(({ name }) => name).sort()).toEqual(['etcd0', 'etcd1', 'etcd2']);
      for (const row of list) {
        const member = members.find(({ name }) => name === row.name)!;
        expect(row).toEqual({
          id: bootstrapMemberId(member.initialAdvertisePeerURLs, token),
          name: member.name,
          peerURLs: member.initialAdvertisePeerURLs,
          clientURLs: member.advertiseClientURLs,
          role: 'voter',
          started: true,
        });
      }
    }
  });

  it('give back through one member what was written through another', async () => {
    const [first, second] = admins as [EtcdAdmin, EtcdAdmin];
    expect(await second.get('greeting')).toEqual({ kind: 'absent' });
    await first.put('greeting', 'grüß dich');
    expect(await second.get('greeting')).toEqual({ kind: 'found', value: 'grüß dich' });
    await first.put('empty', '');
    expect(await second.get('empty')).toEqual({ kind: 'found', value: '' });
    expect(await second.delete('greeting')).toEqual({ deleted: 1 });
    expect(await first.delete('greeting')).toEqual({ deleted: 0 });
  });

  it('show an alarm with the member it is about', async () => {
    expect(await admins[0]!.alarms()).toEqual([]);
    const { memberId } = await admins[0]!.status();
    const memberID = BigInt(`0x${memberId}`).toString();
    const raw = await rawClient(members[0]!);
    try {
      await raw.maintenance.alarm({ action: 'Activate', memberID, alarm: 'Nospace' });
      expect(await admins[0]!.alarms()).toEqual([{ memberId, type: 'NOSPACE' }]);
      await expect(admins[0]!.put('a', 'b')).rejects.toMatchObject({ kind: 'alarmed', retryable: false });
      await raw.maintenance.alarm({ action: 'Deactivate', memberID, alarm: 'Nospace' });
    } finally {
      raw.close();
    }
    expect(await admins[0]!.alarms()).toEqual([]);
  });

  it('are told apart from a stranger by both sides, as trouble with TLS', async () => {
    const { ca } = certificates.client;
    const endpoint = members[0]!.advertiseClientURLs[0]!;
    await expectFailure({ ...asClient(endpoint), ca: strangers.client.ca }, 'tls');
    await expectFailure({ ...asClient(endpoint), ...strangers.client, ca }, 'tls');
    await expectFailure(asClient(unnamedEndpoint), 'tls');
  });

  // On two of the versions only: it takes the five seconds of waiting that it tests.
  it.runIf(text === '3.4.23' || text === '3.5.30')(
    'show an added learner as one that has not started',
    async () => {
      const raw = await rawClient(members[0]!);
      const url = 'https://127.0.0.1:1';
      try {
        // Within five seconds of its start etcd refuses to change the membership.
        await expect.poll(() => addLearner(raw, url), { timeout: 20_000, interval: 500 }).toBe('added');
        const learner = (await admins[1]!.memberList({ linearizable: true })).find(
          ({ role }) => role === 'learner',
        );
        expect(learner).toMatchObject({ name: '', peerURLs: [url], clientURLs: [], started: false });
        await raw.cluster.memberRemove({ ID: BigInt(`0x${learner!.id}`).toString() });
      } finally {
        raw.close();
      }
      expect(await admins[2]!.memberList({ linearizable: true })).toHaveLength(3);
    },
  );

  it('count as healthy for a client whom their access control refuses', async () => {
    const raw = await rawClient(members[0]!);
    try {
      await raw.auth.userAdd({ name: 'root', password: 'secret' });
      await raw.auth.roleAdd({ name: 'root' });
      await raw.auth.userGrantRole({ user: 'root', role: 'root' });
      await raw.auth.authEnable();
    } finally {
      raw.close();
    }
    const asRoot = await rawClient(members[0]!, { username: 'root', password: 'secret' });
    try {
      await expect(admins[0]!.get('greeting')).rejects.toMatchObject({
        kind: 'permissionDenied',
        retryable: false,
      });
      expect((await admins[0]!.linearizableRead()).tookMs).toBeGreaterThan(0);
      expect(await admins[0]!.memberList({ linearizable: true })).toHaveLength(3);
      if (text === '3.5.30') await expectKind(admins[0]!.status(), 'permissionDenied');
      else expect((await admins[0]!.status()).version).toBe(text);
    } finally {
      await asRoot.auth.authDisable();
      asRoot.close();
    }
  });

  it('of whom one is left answer locally, and say in time that there is no quorum', async () => {
    await Promise.all([processes[1]!.stop(), processes[2]!.stop()]);
    await expectKind(admins[1]!.status(), 'unreachable');
    await expect.poll(async () => (await admins[0]!.status()).leader, { timeout: 30_000 }).toBe('none');
    expect(await admins[0]!.memberList({ linearizable: false })).toHaveLength(3);
    for (const call of [
      () => admins[0]!.linearizableRead(),
      () => admins[0]!.memberList({ linearizable: true }),
    ]) {
      const started = performance.now();
      await expectKind(call(), ['deadline', 'noLeader']);
      // Without a deadline of ours it would wait for etcd's own, of seven seconds.
      expect(performance.now() - started).toBeLessThan(deadlineMs + 2_500);
    }
  });
});

describe('what a real etcd makes of a wrong environment', () => {
  it('an unknown variable is complained of in words that the tests above look for', async () => {
    for (const text of ['3.3.25', '3.4.23', '3.5.30']) {
      const process = new EtcdProcess(etcdBinary(text), { ETCD_NONSENSE: 'x', ETCD_DATA_DIR: '/dev/null/x' });
      try {
        await expect.poll(() => process.log, { timeout: 20_000 }).toMatch(complaint);
      } finally {
        await process.stop();
      }
    }
  });

  it('an option given as flag and variable ends etcd from 3.4 on, as the version table has it', async () => {
    for (const text of ['3.4.23', '3.5.30']) {
      expect(featuresOf(parseEtcdVersion(text)!).flagAndVariable).toBe('exits');
      const process = new EtcdProcess(etcdBinary(text), { ETCD_NAME: 'a' }, ['--name', 'b']);
      try {
        expect(await process.exit(20_000)).toBe(1);
        expect(process.log).toMatch(complaint);
      } finally {
        await process.stop();
      }
    }
  });

  it('a version that was not fetched is an error that says how to fetch it', () => {
    expect(() => etcdBinary('9.9.9')).toThrow(/node scripts\/setup\.mjs --test/);
  });
});

describe('a client of an endpoint without etcd', () => {
  it('says unreachable at once where nothing listens', async () => {
    const [port] = await freePorts(1);
    const started = performance.now();
    // At once is long before the deadline.
    await expectFailure({ ...asClient(`https://127.0.0.1:${port}`), deadlineMs: 60_000 }, 'unreachable');
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('gives up at its deadline where connections are taken and never answered', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const started = performance.now();
    await expectFailure(asClient(`https://127.0.0.1:${port}`), 'unreachable');
    const took = performance.now() - started;
    expect(took).toBeGreaterThan(deadlineMs - 100);
    expect(took).toBeLessThan(deadlineMs + 15_000);
    server.close();
  });

  it('may be closed twice, and fails calls after that with the one kind of error', async () => {
    const admin = await connectEtcd(asClient('https://127.0.0.1:1'));
    admin.close();
    admin.close();
    await expect(admin.status()).rejects.toBeInstanceOf(EtcdError);
  });

  it('refuses plaintext endpoints, useless deadlines and unreadable certificates', async () => {
    await expect(connectEtcd(asClient('http://127.0.0.1:2379'))).rejects.toThrow(RangeError);
    await expect(connectEtcd({ ...asClient('https://127.0.0.1:1'), deadlineMs: 0 })).rejects.toThrow(
      RangeError,
    );
    const garbled = connectEtcd({ ...asClient('https://127.0.0.1:1'), key: 'not a key' });
    await expect(garbled).rejects.toMatchObject({ name: 'EtcdError', kind: 'tls' });
  });
});

const complaint = /unrecognized environment variable|conflicting environment variable/;

function asClient(endpoint: string): EtcdConnection {
  return { endpoint, ...certificates.client, deadlineMs };
}

function walHead(dataDir: string): Uint8Array {
  const dir = join(dataDir, 'member', 'wal');
  const segment = openSync(join(dir, readdirSync(dir).find(isWalSegment)!), 'r');
  try {
    const head = new Uint8Array(walHeadBytes);
    return head.subarray(0, readSync(segment, head));
  } finally {
    closeSync(segment);
  }
}

/** A bare etcd3 client, to do to the cluster what the port has no calls for. */
async function rawClient(member: EtcdConfSettings, auth?: { username: string; password: string }) {
  const { Etcd3 } = await import('etcd3');
  const { ca, cert, key } = certificates.client;
  return new Etcd3({
    hosts: member.advertiseClientURLs[0]!,
    ...(auth === undefined ? {} : { auth }),
    credentials: {
      rootCertificate: Buffer.from(ca),
      certChain: Buffer.from(cert),
      privateKey: Buffer.from(key),
    },
  });
}

async function addLearner(raw: Awaited<ReturnType<typeof rawClient>>, url: string): Promise<string> {
  try {
    await raw.cluster.memberAdd({ peerURLs: [url], isLearner: true });
    return 'added';
  } catch (error) {
    const { kind, message } = toEtcdError('', error);
    expect(kind, message).toBe('unhealthyCluster');
    return message;
  }
}

async function expectFailure(connection: EtcdConnection, kind: EtcdError['kind']): Promise<void> {
  const admin = await connectEtcd(connection);
  try {
    await expectKind(admin.status(), kind);
  } finally {
    admin.close();
  }
}

async function expectKind(
  call: Promise<unknown>,
  kinds: EtcdError['kind'] | EtcdError['kind'][],
): Promise<void> {
  const error = await call.then(
    () => expect.unreachable('the call succeeded'),
    (thrown: unknown) => thrown as EtcdError,
  );
  expect(error).toBeInstanceOf(EtcdError);
  expect([kinds].flat(), error.message).toContain(error.kind);
}
