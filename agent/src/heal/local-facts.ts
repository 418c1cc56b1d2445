/**
 * What healing needs to know of this host: the service, the data dir, the files of etcd, the certificate, the disk. Each
 * part is read on its own; what cannot be read says why.
 */
import { join } from 'node:path';
import { isCorruption, isWalSegment, judgeEnds, type WalTail, WalTailReader } from '@etcd-agent/etcd';
import { keyMatches, readCertificate } from '@etcd-agent/pki';
import { FileError, type Files, type ServiceState } from '@etcd-agent/platform';
import type { MemberSpec, Position } from '@etcd-agent/protocol';
import { isContent, readWal } from '../data-dir.js';
import { damagedFiles, type NodePems } from '../etcd-files.js';
import type { AgentHost } from '../host.js';
import { viewService } from '../observe.js';
import { oncePerText } from '../once-per-text.js';
import type { DataDirRecord } from '../store.js';
import type { HealMemory } from './memory.js';
import type { DataFacts, EndFacts, FilesFacts, Me, ServiceFacts } from './plan/picture.js';

/** Of etcd's log: some runs that end at once, each with the stack of a panic. */
const lastWordsBytesMax = 128 * 1024;
/** Read at a time from a WAL segment. */
const walChunkBytes = 1024 * 1024;
const databaseChunkBytes = 4 * 1024 * 1024;

export async function dataFacts(
  { files, machine }: Pick<AgentHost, 'files' | 'machine'>,
  { etcd: { dataDir }, cluster: { bootstrapId } }: MemberSpec,
  record: DataDirRecord | undefined,
  memory: HealMemory,
  inRepair: boolean,
): Promise<DataFacts> {
  const begunHere =
    inRepair ||
    memory.member?.bootstrapId === bootstrapId ||
    (record?.bootstrapId === bootstrapId && record.stage === 'begun');
  const known = memory.fileSystem?.dataDir === dataDir ? memory.fileSystem.id : undefined;
  const unseen = {
    content: false,
    dir: undefined,
    wal: { kind: 'none' },
    begun: begunHere,
    begunHere,
    begunForOther: false,
    busy: '',
  } as const;
  try {
    const { id } = await machine.fileSystemOf(dataDir);
    const fileSystem = known === undefined ? 'neverSeen' : known === id ? 'same' : 'other';
    const status = await files.stat(dataDir);
    if (status.kind === 'missing') return { ...unseen, kind: 'missing', why: '', fileSystem };
    if (status.kind !== 'directory')
      return { ...unseen, kind: 'unknown', why: `${dataDir} is ${status.kind}`, fileSystem };
    const wal = await readWal(files, join(dataDir, 'member', 'wal'));
    return {
      kind: 'directory',
      why: '',
      content: (await files.list(dataDir)).some(isContent),
      dir: { dev: status.dev, ino: status.ino },
      wal:
        wal.kind === 'present'
          ? { kind: 'present', clusterId: wal.clusterId as never, memberId: wal.memberId as never }
          : wal,
      begun: begunHere,
      begunHere,
      // By its inode: the number of a device may be another after a boot.
      begunForOther:
        record?.stage === 'claimed' &&
        record.bootstrapId !== bootstrapId &&
        record.path === dataDir &&
        record.ino === status.ino,
      busy: '',
      fileSystem,
    };
  } catch (error) {
    return { ...unseen, kind: 'unknown', why: (error as Error).message, fileSystem: 'neverSeen' };
  }
}

/** The service as it is, with durations that the caller has measured. */
export function serviceFacts(
  state: ServiceState,
  manager: 'systemd' | 'process',
  measured: Pick<ServiceFacts, 'forMs' | 'failedStarts' | 'vainRestarts'> & { readonly wallMs: number },
): ServiceFacts {
  const startedAt = 'startedAt' in state ? state.startedAt?.getTime() : undefined;
  const { kind, detail = '' } = viewService(state);
  return {
    kind,
    // The process manager's word for "stopped by this agent"; nobody disables anything there.
    enabled: manager === 'systemd' && 'enabled' in state ? (state.enabled ?? 'unknown') : 'yes',
    detail,
    upMs: startedAt === undefined ? measured.forMs : Math.max(0, measured.wallMs - startedAt),
    forMs: measured.forMs,
    failedStarts: measured.failedStarts,
    vainRestarts: measured.vainRestarts,
  };
}

export const noEnds: EndFacts = { corruptInARow: 0, code: '', text: '' };

/**
 * Reads etcd's database from end to end. Returns why it cannot be read, or undefined. Takes seconds for each gigabyte: asked
 * once, where etcd died of an address in it, which damaged pages and a failing disk both bring about.
 */
export async function readThrough(
  files: Pick<Files, 'readRange'>,
  dataDir: string,
): Promise<string | undefined> {
  const path = join(dataDir, 'member', 'snap', 'db');
  try {
    for (let offset = 0; ; offset += databaseChunkBytes) {
      const { length } = await files.readRange(path, offset, databaseChunkBytes);
      if (length < databaseChunkBytes) return undefined;
    }
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}

/** How the runs at the end of etcd's log ended. Read only while etcd keeps ending. */
export async function endFacts(
  host: Pick<AgentHost, 'services' | 'log'>,
  /** `endOfLog` when data was moved aside, or a repair ended: what was said until then says nothing of today's data. */
  former: string,
): Promise<EndFacts> {
  const words = await lastWords(host);
  const from = former === '' ? -1 : words.lastIndexOf(former);
  const { runs } = judgeEnds(from < 0 ? words : words.slice(from + former.length));
  const last = runs.at(-1);
  if (last === undefined) return noEnds;
  if (last.kind !== 'known' || !isCorruption(last.code)) return { ...noEnds, text: last.text };
  let corruptInARow = 0;
  for (const run of [...runs].reverse()) {
    if (run.kind !== 'known' || !isCorruption(run.code)) break;
    corruptInARow += 1;
  }
  return { corruptInARow, code: last.code, text: last.text };
}

/**
 * The end of etcd's log as it is now, from the last line that tells its time: only that tells it from the end of another run,
 * since an etcd says the same words of the same damage. Empty where no line does.
 */
export async function endOfLog(host: Pick<AgentHost, 'services' | 'log'>): Promise<string> {
  const words = await lastWords(host);
  const last = [...words.matchAll(/^(\d{4}-\d\d-\d\d \d\d:|\{.*"ts":")/gm)].at(-1);
  return last === undefined ? '' : words.slice(last.index);
}

async function lastWords({ services, log }: Pick<AgentHost, 'services' | 'log'>): Promise<string> {
  try {
    return await services.lastWords(lastWordsBytesMax);
  } catch (error) {
    log.warn({ err: error }, "etcd's log cannot be read");
    return '';
  }
}

/** A file that etcd has while it defragments or takes in a snapshot; '' where there is none. */
export async function workFile({ files }: Pick<AgentHost, 'files'>, dataDir: string): Promise<string> {
  const names = await files.list(join(dataDir, 'member', 'snap')).catch((): readonly string[] => []);
  return names.find((name) => /^db\.tmp|^tmp\d|\.snap\.db$/.test(name)) ?? '';
}

export interface WalEnd {
  /** Undefined: the WAL cannot be read to its end; etcd will say so itself. */
  readonly position: Position | undefined;
  readonly why: string;
}

/** Where the WAL ends, from its last two segments. */
export async function walTail({ files }: Pick<AgentHost, 'files'>, dataDir: string): Promise<WalTail> {
  const directory = join(dataDir, 'member', 'wal');
  const segments = (await files.list(directory)).filter(isWalSegment).slice(-2);
  const reader = new WalTailReader();
  for (const [at, name] of segments.entries()) {
    if (at > 0) reader.nextSegment();
    for (let offset = 0; ; offset += walChunkBytes) {
      const chunk = await files.readRange(join(directory, name), offset, walChunkBytes);
      if (chunk.length > 0) reader.feed(chunk);
      if (chunk.length < walChunkBytes) break;
    }
  }
  return reader.end();
}

/** The same, as what is compared before a start. */
export async function walEnd(host: Pick<AgentHost, 'files'>, dataDir: string): Promise<WalEnd> {
  const tail = await walTail(host, dataDir);
  switch (tail.kind) {
    case 'position':
      return {
        position: { term: tail.term, index: tail.lastIndex },
        why: `its WAL ends at index ${tail.lastIndex} of term ${tail.lastTerm}${tail.torn ? ', after a write that was cut off' : ''}`,
      };
    case 'empty':
      return { position: { term: '0', index: '0' }, why: 'its WAL is empty' };
    case 'corrupt':
      return { position: undefined, why: `its WAL cannot be read: ${tail.why}` };
  }
}

/** `/etc/etcd` against the copies that the agent keeps: `pems`, undefined where one of them is missing. */
export async function filesFacts(
  host: AgentHost,
  spec: MemberSpec,
  pems: NodePems | undefined,
): Promise<FilesFacts> {
  if (pems === undefined)
    return {
      kind: 'lost',
      why: 'this node has no etcd certificates or keys: coordinator bootstrap issues them again',
    };
  if (!belongs(`${pems.etcd}${apart}${pems.etcdKey}`) || !belongs(`${pems.peer}${apart}${pems.peerKey}`))
    return {
      kind: 'lost',
      why: 'a certificate of this node does not belong to its key yet: coordinator bootstrap issues another',
    };
  const which = await damagedFiles(host, spec, pems);
  return which.length === 0 ? { kind: 'intact' } : { kind: 'damaged', which };
}

/** Between a certificate and its key, in one text: no PEM holds it. */
const apart = '\0';
const belongs = oncePerText((pair) => {
  const [certificate, key] = pair.split(apart);
  return keyMatches(certificate!, key!);
});
const notAfterMs = oncePerText((pem) => readCertificate(pem).notAfter.getTime());

/** Until when the certificates that etcd serves with are good; undefined where this node has none. */
export function certificatesEnd(pems: NodePems | undefined): Date | undefined {
  if (pems === undefined) return undefined;
  const ends = [pems.etcd, pems.peer].map(notAfterMs);
  return new Date(Math.min(...ends));
}

/** Whether etcd could serve with them. */
export function certificateFacts(end: Date | undefined, now: Date): Me['certificate'] {
  if (end === undefined) return { usable: false, why: 'this node has no etcd certificate' };
  return end.getTime() > now.getTime()
    ? { usable: true, why: `its certificates are good until ${end.toISOString()}` }
    : { usable: false, why: `a certificate of this node expired at ${end.toISOString()}` };
}
