// One setup at a time per checkout. The lock is a directory that appears by a single rename with its owner already
// inside, so nobody ever sees it half-made. An owner is a pid *and* its start time: a reused pid is not an owner.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { step } from './progress.mjs';

const pollMs = 200;

/**
 * Runs `work` while holding `<directory>/setup.lock`. Ctrl-C and SIGTERM release it; a lock left by a killed process is
 * recognised and taken over.
 */
export async function withLock(directory, work) {
  const lock = join(directory, 'setup.lock');
  mkdirSync(directory, { recursive: true });
  if (!tryAcquire(lock)) {
    const owner = readOwner(lock);
    await step(`waiting for another setup of this checkout (pid ${owner?.pid ?? 'unknown'})`, async () => {
      while (!tryAcquire(lock)) await sleep(pollMs);
    });
  }
  const release = () => {
    rmSync(lock, { recursive: true, force: true });
    for (const name of readdirSync(directory)) {
      if (name.startsWith('setup.lock.stale-'))
        rmSync(join(directory, name), { recursive: true, force: true });
    }
  };
  const interrupted = (signal) => {
    release();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    release();
  }
}

function tryAcquire(lock) {
  const owner = readOwner(lock);
  if (owner && !isAlive(owner)) setAside(lock, owner);
  const mine = `${lock}.${process.pid}`;
  rmSync(mine, { recursive: true, force: true });
  mkdirSync(mine);
  writeFileSync(join(mine, 'owner'), JSON.stringify({ pid: process.pid, started: startTime(process.pid) }));
  try {
    renameSync(mine, lock);
    return true;
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Moves a dead owner's lock away under a name made of that owner. Two processes that both saw the dead owner cannot
 * throw out a new one between them: the second rename finds the name taken and fails.
 */
function setAside(lock, { pid, started }) {
  try {
    renameSync(lock, `${lock}.stale-${pid}-${started}`);
  } catch {
    // Somebody else was first; the next round looks again.
  }
}

function readOwner(lock) {
  try {
    return JSON.parse(readFileSync(join(lock, 'owner'), 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  return startTime(pid) === started;
}

/** Start of a process in clock ticks since boot (field 22 of /proc/PID/stat), or 0 where there is no /proc. */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return 0;
  }
}
