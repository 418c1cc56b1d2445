/**
 * Whether a snapshot is one that a cluster comes back from: it is restored into a directory that is thrown away, a real etcd is
 * started on it, and what that serves is read. Nothing else proves it; a seal that fits proves only that the file is as etcd
 * wrote it.
 */
import { join } from 'node:path';
import { connectEtcd, connectSnapshots, EtcdError, minorOf } from '@etcd-agent/etcd';
import { grpcStream, processesWithArgument, signal } from '@etcd-agent/platform';
import { Fault, type SnapshotContent } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { findRestoreProgram } from './restore-program.js';
import { restoreSnapshot } from './restore-snapshot.js';
import { type Papers, startThrowAway, type ThrowAwayEtcd, throwAwayPapers } from './throw-away-etcd.js';

/** A database of 8 GB is read through in that time from a slow disk. */
const startMsMax = 5 * 60_000;
const callMsMax = 30_000;
const pollMs = 50;
/** Somebody took one of its ports between our look and its start. */
const startsMax = 3;
/** Reads only, but an etcd above its quota says so at once; the largest that etcd is meant for is 8 GiB. */
const quotaBytes = 64 * 1024 ** 3;
const name = 'trial';
/** It listens on another port; what a restore writes down is never dialled, since there is nobody else. */
const peerURL = 'https://127.0.0.1:2380';

type Where = Pick<AgentHost, 'config' | 'paths' | 'services' | 'files' | 'clock' | 'chance' | 'log'>;

export interface Trial {
  readonly file: string;
  readonly seal: 'right' | 'none';
  /** Where it is restored: on a disk with room. Nothing but trials is in there. */
  readonly directory: string;
}

/** What is in the snapshot. Throws a Fault where a cluster would not come back from it, or it cannot be tried here. */
export async function trialRestore(host: Where, { file, seal, directory }: Trial): Promise<SnapshotContent> {
  const { files, clock, chance } = host;
  const began = clock.monotonicMs();
  const program = await findRestoreProgram(host);
  await clearTrials(host, directory);
  await files.makeDirectory(directory, { mode: 0o700 });
  const dataDir = join(directory, 'data');
  let etcd: ThrowAwayEtcd | undefined;
  try {
    await restoreSnapshot(host, {
      file,
      dataDir,
      name,
      initialCluster: [{ name, peerURLs: [peerURL] }],
      token: `trial-${chance.uuid()}`,
      peerURLs: [peerURL],
      owner: undefined,
      seal,
      bumpRevision: 0,
    });
    const papers = await throwAwayPapers(files, clock, directory);
    const place = { etcd: program.etcd.path, name, directory, dataDir, quotaBytes };
    for (let starts = 1; ; starts += 1) {
      etcd = await startThrowAway(place);
      const end = await untilItServes(host, etcd, papers);
      if (end === undefined) break;
      await etcd.kill();
      if (starts < startsMax && /address already in use/.test(end)) continue;
      throw new Fault('refused', `etcd ${program.etcd.version.text} does not run on what is in it: ${end}`);
    }
    return {
      ...(await contentOf(etcd, papers)),
      etcdMinor: minorOf(program.etcd.version),
      tookMs: Math.round(clock.monotonicMs() - began),
    };
  } finally {
    await etcd?.kill();
    await files
      .removeTree(directory)
      .catch((error: unknown) => host.log.warn({ err: error }, 'a trial restore is left'));
  }
}

/** Ends and removes what a trial has left that was cut short by the end of its agent. */
export async function clearTrials({ files, clock, log }: Where, directory: string): Promise<void> {
  if (!(await files.exists(directory))) return;
  for (const left of await processesWithArgument(`--data-dir=${directory}`)) {
    log.warn({ pid: left.pid }, 'the etcd of a trial restore was left running');
    while ((await signal(left, 'SIGKILL')) === 'sent') await clock.sleep(pollMs);
  }
  await files.removeTree(directory);
}

/** Undefined once it answers; else how it ended. */
async function untilItServes(
  { clock }: Where,
  etcd: ThrowAwayEtcd,
  papers: Papers,
): Promise<string | undefined> {
  const deadline = clock.monotonicMs() + startMsMax;
  const admin = await connectEtcd({ endpoint: etcd.endpoint, ...papers, deadlineMs: 1_000 });
  try {
    while (clock.monotonicMs() < deadline) {
      const end = etcd.ended();
      if (end !== undefined) return end;
      const serves = await admin.linearizableRead().then(
        () => true,
        (error: unknown) => {
          if (error instanceof EtcdError) return false;
          throw error;
        },
      );
      if (serves) return undefined;
      await clock.sleep(pollMs);
    }
    return `it does not answer within ${startMsMax / 60_000} minutes`;
  } finally {
    admin.close();
  }
}

async function contentOf(
  { endpoint }: ThrowAwayEtcd,
  papers: Papers,
): Promise<Omit<SnapshotContent, 'etcdMinor' | 'tookMs'>> {
  const connection = { endpoint, ...papers, deadlineMs: callMsMax };
  const [admin, reader] = await Promise.all([
    connectEtcd(connection),
    connectSnapshots(connection, grpcStream),
  ]);
  try {
    const { revision, dbSizeBytes } = await admin.status();
    // Of that very revision, though leases run out here as well.
    const [keys, { hash, compactRevision }] = await Promise.all([
      reader.countKeys(revision),
      admin.hashKV(revision),
    ]);
    return { revision, keys, hash, compactRevision, dbSizeBytes };
  } finally {
    admin.close();
    reader.close();
  }
}
