/**
 * Temporary directories that take everything with them: when the test file ends, however it ends, the processes that
 * name a directory are ended, none is left, and the directory is removed. close-workspaces.ts sees to that.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcessesOf, endProcessesOfNow } from './process-table.js';

const workspaces = new Set<string>();

/** A new directory. ETCD_AGENT_TEST_KEEP=1 leaves it there (without its processes) to look at. */
export function workspace(prefix: string): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), `etcd-agent-test-${prefix}-`)));
  workspaces.add(dir);
  return dir;
}

/** Ends what runs in `dir` and removes it. Throws where a process survives. */
export async function closeWorkspace(dir: string): Promise<void> {
  await endProcessesOf(dir);
  workspaces.delete(dir);
  if (process.env.ETCD_AGENT_TEST_KEEP === undefined) rmSync(dir, { recursive: true, force: true });
}

/** Closes all that are left. Throws where a process survives. */
export async function closeWorkspaces(): Promise<void> {
  const outcomes = await Promise.allSettled([...workspaces].map(closeWorkspace));
  const failed = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as Error] : [],
  );
  if (failed.length > 0) throw new AggregateError(failed, failed.map(({ message }) => message).join('\n'));
}

// The runner itself may be told to end.
process.on('exit', () => {
  for (const dir of workspaces) endProcessesOfNow(dir);
});
process.once('SIGTERM', () => process.exit(143));
