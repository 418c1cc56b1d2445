// The processes of this benchmark: its own children, and the etcds that its agents started. Only these are ever ended.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const owned = new Map();
const endMsMax = 15_000;

/** Starts a program that endAll() ends again. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, options);
  // A program that cannot be started has no pid; whoever waits for it sees the 'error' event.
  child.on('error', () => {});
  if (child.pid !== undefined) own(child.pid);
  return child;
}

/**
 * Takes over a process, with its start time where it is known, so that a reused pid is never hit. False: it does not run.
 */
export function own(pid, startTicks = startTicksOf(pid)) {
  if (startTicks === undefined || startTicksOf(pid) !== startTicks) return false;
  owned.set(pid, startTicks);
  return true;
}

/** SIGTERM to a few, SIGKILL to those that do not end. Processes that ended already are fine. */
export async function end(pids, first = 'SIGTERM') {
  for (const pid of pids) signal(pid, first);
  const deadline = performance.now() + endMsMax;
  while (pids.some(runs)) {
    if (performance.now() > deadline) for (const pid of pids) signal(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const pid of pids) owned.delete(pid);
}

export function endAll() {
  return end([...owned.keys()], 'SIGKILL');
}

function signal(pid, name) {
  if (!runs(pid)) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function runs(pid) {
  return owned.has(pid) && startTicksOf(pid) === owned.get(pid);
}

// Field 22 of /proc/PID/stat; a zombie has ended.
function startTicksOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}
