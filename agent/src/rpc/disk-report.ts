/**
 * `disk.report`: what this node has, for whoever must choose between the nodes when there is no quorum. Read-only. An etcd that
 * answers is asked, by calls that take no quorum; the files of one that does not run are read.
 */
import { basename, dirname, join } from 'node:path';
import {
  BoltError,
  type EtcdAdmin,
  EtcdError,
  isWalSegment,
  type Member,
  readBackend,
  type WalTail,
} from '@etcd-agent/etcd';
import { changedAt, FileError } from '@etcd-agent/platform';
import {
  type DiskReport,
  type MemberSpec,
  type ReportedMember,
  reportedMembersMax,
  reportedQuarantinesMax,
} from '@etcd-agent/protocol';
import { quarantinePlaces, readWal } from '../data-dir.js';
import type { Healer } from '../heal/healer.js';
import { walTail } from '../heal/local-facts.js';
import type { AgentHost } from '../host.js';
import { clientCredentials } from '../node-keys.js';
import { viewService, viewSpec } from '../observe.js';

/** Longest wait for an answer of this node's own etcd, which has nothing to wait for. */
const answerMsMax = 2_000;

export async function diskReport(node: string, host: AgentHost, healer: Healer): Promise<DiskReport> {
  const [spec, service, memory] = await Promise.all([
    healer.spec(),
    host.services.observe().then(viewService),
    host.heal.read(),
  ]);
  const runs = service.kind === 'active' || service.kind === 'activating';
  const etcd = spec !== undefined && runs ? await askEtcd(host, spec) : ({ kind: 'notRunning' } as const);
  const answers = etcd.kind === 'answers';
  const [data, quarantines] = await Promise.all([
    spec === undefined
      ? ({ kind: 'none', why: 'this agent was not told yet where data is' } as const)
      : readData(host, spec, answers),
    spec === undefined ? [] : findQuarantines(host, spec),
    answers ? lookTwice(healer) : undefined,
  ]);
  const paused = memory.pause !== undefined && Date.parse(memory.pause.until) > host.clock.now().getTime();
  return {
    node,
    observedAt: host.clock.now().toISOString(),
    spec: viewSpec(spec),
    service,
    dataDir: spec?.etcd.dataDir ?? null,
    etcd,
    data,
    quarantines,
    remembered: healer.sightings.positions().slice(-32),
    served: healer.served.last() ?? null,
    paused,
  };
}

/** What the last round saw of a read that went through is told only by the two looks after it. */
async function lookTwice(healer: Healer): Promise<void> {
  await healer.lookNow();
  await healer.lookNow();
}

async function askEtcd(host: AgentHost, spec: MemberSpec): Promise<DiskReport['etcd']> {
  const credentials = await clientCredentials(host);
  if (credentials === undefined) return { kind: 'silent', why: 'this node has no etcd certificate' };
  const endpoint = spec.etcd.advertiseClientURLs[0]!;
  let admin: EtcdAdmin | undefined;
  try {
    admin = await host.connectEtcd({ endpoint, ...credentials, deadlineMs: answerMsMax });
    const read = admin.linearizableRead().then(
      () => true,
      () => false,
    );
    const [status, members] = await Promise.all([admin.status(), admin.memberList({ linearizable: false })]);
    const { raftAppliedIndex, raftIndex } = status;
    return {
      kind: 'answers',
      version: status.version,
      clusterId: status.clusterId,
      memberId: status.memberId,
      healthy: await read,
      isLearner: status.isLearner,
      revision: status.revision,
      appliedIndex: raftAppliedIndex === '0' ? raftIndex : raftAppliedIndex,
      term: status.raftTerm,
      members: members.slice(0, reportedMembersMax).map(reported),
    };
  } catch (error) {
    if (error instanceof EtcdError) return { kind: 'silent', why: error.message.slice(0, 1_000) };
    throw error;
  } finally {
    admin?.close();
  }
}

async function readData(host: AgentHost, spec: MemberSpec, answers: boolean): Promise<DiskReport['data']> {
  const { dataDir } = spec.etcd;
  const walDir = join(dataDir, 'member', 'wal');
  try {
    const wal = await readWal(host.files, walDir);
    if (wal.kind === 'none') return { kind: 'none', why: `there is no WAL in ${dataDir}` };
    if (wal.kind === 'unreadable') return { kind: 'unknown', why: wal.why };
    const end = await orUnreadable(async () =>
      endOf(await walTail(host, dataDir), await newestChange(host, walDir)),
    );
    const database = answers
      ? ({ kind: 'notRead', why: 'its etcd was asked' } as const)
      : await readDatabase(host, dataDir);
    return { kind: 'wal', clusterId: wal.clusterId, memberId: wal.memberId, end, database };
  } catch (error) {
    if (error instanceof FileError) return { kind: 'unknown', why: error.message.slice(0, 1_000) };
    throw error;
  }
}

type WalEnd = Extract<DiskReport['data'], { kind: 'wal' }>['end'];

async function orUnreadable(read: () => Promise<WalEnd>): Promise<WalEnd> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FileError) return { kind: 'unreadable', why: error.message.slice(0, 1_000) };
    throw error;
  }
}

function endOf(tail: WalTail, changed: Date): WalEnd {
  switch (tail.kind) {
    case 'position': {
      const { torn, term, commit, lastTerm, lastIndex } = tail;
      return { kind: 'read', torn, term, commit, lastTerm, lastIndex, changedAt: changed.toISOString() };
    }
    case 'empty':
      return { kind: 'unreadable', why: 'it is empty' };
    case 'corrupt':
      return { kind: 'unreadable', why: tail.why };
  }
}

async function newestChange({ files }: AgentHost, walDir: string): Promise<Date> {
  const newest = (await files.list(walDir)).filter(isWalSegment).at(-1)!;
  return changedAt(join(walDir, newest));
}

async function readDatabase(
  { files }: AgentHost,
  dataDir: string,
): Promise<Extract<DiskReport['data'], { kind: 'wal' }>['database']> {
  const path = join(dataDir, 'member', 'snap', 'db');
  try {
    const status = await files.stat(path);
    if (status.kind !== 'file') return { kind: 'notRead', why: `${path} is ${status.kind}` };
    const backend = await readBackend((offset, length) => files.readRange(path, offset, length));
    const { revision, consistentIndex, members } = backend;
    return {
      kind: 'read',
      bytes: status.size,
      revision,
      consistentIndex,
      members: members.slice(0, reportedMembersMax).map(reported),
    };
  } catch (error) {
    if (error instanceof FileError || error instanceof BoltError)
      return { kind: 'notRead', why: `${path}: ${error.message}`.slice(0, 1_000) };
    throw error;
  }
}

/** Beside the data dir, or within it where that is a mount point. */
async function findQuarantines(
  { files }: AgentHost,
  { etcd: { dataDir } }: MemberSpec,
): Promise<DiskReport['quarantines']> {
  const { sibling, inside } = quarantinePlaces(dataDir, '');
  const places = [sibling, inside].map((path) => ({ directory: dirname(path), prefix: basename(path) }));
  const found: DiskReport['quarantines'] = [];
  for (const { directory, prefix } of places) {
    const names = await files.list(directory).catch((): readonly string[] => []);
    for (const name of names.filter((each) => each.startsWith(prefix))) {
      const path = join(directory, name);
      const wal = await readWal(files, join(path, 'member', 'wal')).catch(() => undefined);
      found.push({
        path,
        at: momentIn(name.slice(prefix.length)),
        bytes: await files.usedBytes(path).catch(() => 0),
        clusterId: wal?.kind === 'present' ? wal.clusterId : null,
        memberId: wal?.kind === 'present' ? wal.memberId : null,
      });
    }
  }
  return found.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? -1 : 1)).slice(-reportedQuarantinesMax);
}

/** The moment in the name of a quarantine, such as 2026-01-31T235959123Z-1a2b3c4d. */
function momentIn(mark: string): string | null {
  const [, day, hour, minute, second, ms] = /^(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z/.exec(mark) ?? [];
  return day === undefined ? null : `${day}T${hour}:${minute}:${second}.${ms}Z`;
}

function reported({ id, name, peerURLs, role }: Pick<Member, keyof ReportedMember>): ReportedMember {
  return { id, name, peerURLs: [...peerURLs], role };
}
