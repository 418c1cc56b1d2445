/**
 * Breaks one etcd of a playground in one of five ways. Only what belongs to the playground is touched: a process whose
 * environment names this node's data dir, and that data dir where it lies inside the node's own directory.
 */
import { open, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { localAgent } from '@etcd-agent/agent';
import {
  connectEtcd,
  EtcdError,
  frameHeadBytes,
  isWalSegment,
  type MemberId,
  readFrameHead,
} from '@etcd-agent/etcd';
import { linuxFiles, type ProcessIdentity, signal, systemClock } from '@etcd-agent/platform';
import type { AdminCredentials } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { NodePlace } from '../topology/places.js';
import type { Layout } from './layout.js';

export const faults = ['kill', 'hang', 'wipe', 'corrupt', 'remove'] as const;
export type Fault = (typeof faults)[number];

/** What each does, as a person is told. */
export const faultWords: Readonly<Record<Fault, string>> = {
  kill: 'its etcd is killed (SIGKILL)',
  hang: 'its etcd is stopped in its tracks (SIGSTOP)',
  wipe: 'its etcd is killed and all of its data deleted',
  corrupt: 'its etcd is killed and bytes in the middle of its log are flipped',
  remove: 'its member is removed from the cluster',
};

/** Faults after which the node comes back as a new member. */
export function losesMember(fault: Fault): boolean {
  return fault === 'wipe' || fault === 'corrupt' || fault === 'remove';
}

/** One etcd of a playground. */
export interface Victim {
  readonly place: NodePlace;
  readonly memberId: MemberId;
  /** The etcd that runs before the fault. */
  readonly etcd: ProcessIdentity;
  /** Another node's member, through which one can be removed. */
  readonly other: NodePlace | undefined;
}

const removeCallMsMax = 5_000;
/** etcd takes nobody out before all members have been connected for five seconds: one may have been broken just before. */
const removeMsMax = 10_000;
const removeRetryMs = 500;

/** The etcd of this node, after a look at whether it is this playground's own. Throws Failure where it is not, or does not run. */
export async function ownEtcd(at: Layout, place: NodePlace): Promise<ProcessIdentity> {
  const { name, dataDir } = place;
  const dir = await linuxFiles.stat(dataDir);
  if (!dataDir.startsWith(at.node(name) + sep) || dataDir.includes('/..') || ('link' in dir && dir.link))
    throw notOurs(place, `${dataDir} is not inside ${at.node(name)}`);
  const etcd = await localAgent(at.agentConfig(name)).etcd();
  if (etcd === undefined) {
    throw new Failure({
      exit: 'failed',
      what: `the etcd of ${name} does not run`,
      cause: 'it is broken already, or has just ended',
      next: `coordinator playground status --dir ${at.dir}`,
    });
  }
  const environment = await readFile(`/proc/${etcd.pid}/environ`, 'utf8').catch(() => '');
  if (!environment.split('\0').includes(`ETCD_DATA_DIR=${dataDir}`))
    throw notOurs(place, `process ${etcd.pid} is no etcd on ${dataDir}`);
  return etcd;
}

export async function breakNode(fault: Fault, victim: Victim, credentials: AdminCredentials): Promise<void> {
  const { place, etcd } = victim;
  switch (fault) {
    case 'kill':
      await signal(etcd, 'SIGKILL');
      return;
    case 'hang':
      await signal(etcd, 'SIGSTOP');
      return;
    case 'wipe':
      // Stopped first: between a kill and the deletion the agent would start it again.
      await signal(etcd, 'SIGSTOP');
      await linuxFiles.move(place.dataDir, goneDir(place));
      await signal(etcd, 'SIGKILL');
      await linuxFiles.removeTree(goneDir(place));
      return;
    case 'corrupt':
      await signal(etcd, 'SIGSTOP');
      try {
        await flipInWal(place);
      } finally {
        await signal(etcd, 'SIGKILL');
      }
      return;
    case 'remove':
      await removeThroughAnother(victim, credentials);
  }
}

function goneDir({ dataDir }: NodePlace): string {
  return `${dataDir}.deleted-${process.pid}`;
}

/** Flips a bit of the record in the middle of what was written, where etcd's checksum covers it. */
async function flipInWal({ dataDir, name }: NodePlace): Promise<void> {
  const walDir = join(dataDir, 'member', 'wal');
  const segments = (await linuxFiles.list(walDir)).filter(isWalSegment).reverse();
  for (const segment of segments) {
    const file = await open(join(walDir, segment), 'r+');
    try {
      const at = middleOf(await file.readFile());
      if (at === undefined) continue;
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
      await file.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, at);
      await file.sync();
      return;
    } finally {
      await file.close();
    }
  }
  throw new Failure({ exit: 'failed', what: `the WAL of ${name} has nothing in it that could be flipped` });
}

/** Where the last byte of the record in the middle stands; undefined where nothing was written. */
export function middleOf(segment: Uint8Array): number | undefined {
  const ends: number[] = [];
  for (let at = 0; at + frameHeadBytes <= segment.length; ) {
    const head = readFrameHead(segment, at);
    if (head === 'unwritten') break;
    ends.push(at + frameHeadBytes + head.length);
    at = ends.at(-1)! + head.padding;
  }
  const end = ends[ends.length >> 1];
  return end === undefined ? undefined : end - 1;
}

async function removeThroughAnother(
  { place, memberId, other }: Victim,
  credentials: AdminCredentials,
): Promise<void> {
  if (other === undefined)
    throw new Failure({
      exit: 'usage',
      what: `${place.name} has no other member through which it could be removed`,
    });
  const admin = await connectEtcd({ endpoint: other.clientURL, ...credentials, deadlineMs: removeCallMsMax });
  const deadline = systemClock.monotonicMs() + removeMsMax;
  const remove = async (): Promise<void> => {
    try {
      await admin.memberRemove(memberId);
    } catch (error) {
      const isEarly = error instanceof EtcdError && error.kind === 'unhealthyCluster';
      if (!isEarly || systemClock.monotonicMs() > deadline) throw error;
      await systemClock.sleep(removeRetryMs);
      await remove();
    }
  };
  try {
    await remove();
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    throw new Failure(
      { exit: 'failed', what: `the member of ${place.name} was not removed: ${error.message}` },
      { cause: error },
    );
  } finally {
    admin.close();
  }
}

function notOurs({ name }: NodePlace, cause: string): Failure {
  return new Failure({
    exit: 'refused',
    what: `${name} is not this playground's own node`,
    cause: `${cause}; nothing was touched`,
  });
}
