/**
 * How fast this disk makes a small write durable: the one property of a disk that decides whether etcd is happy.
 * The file keeps its name while it is measured, because some file systems skip the journal for an unlinked file.
 */
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { FsyncLatency } from './files.js';
import { removeStaleTemporaries, temporaryPath } from './temporary-file.js';

const roundsMax = 15;
/** Enough for 15 rounds on a good disk; a bad one shows itself in fewer. */
const budgetMs = 300;
/** About what one small etcd proposal adds to the WAL, rounded up to a block. */
const blockBytes = 4096;

/** Measures in an existing directory. Throws the system error of the failing call; the file is removed in every case. */
export async function measureFsync(directory: string): Promise<FsyncLatency> {
  const target = join(directory, 'fsync-latency');
  await removeStaleTemporaries(target);
  const path = temporaryPath(target);
  const handle = await open(path, 'wx', 0o600);
  try {
    const block = Buffer.alloc(blockBytes, 0x61);
    const samplesMs: number[] = [];
    const startedMs = performance.now();
    while (samplesMs.length < roundsMax && performance.now() - startedMs < budgetMs) {
      const beforeMs = performance.now();
      await handle.write(block);
      await handle.datasync();
      samplesMs.push(performance.now() - beforeMs);
    }
    return summarise(samplesMs);
  } finally {
    await handle.close();
    await unlink(path);
  }
}

function summarise(samplesMs: number[]): FsyncLatency {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { medianMs, maxMs: sorted.at(-1) ?? 0, rounds: sorted.length };
}
