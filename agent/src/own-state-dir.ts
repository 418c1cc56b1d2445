/**
 * Whether a directory may become this agent's state directory: only what is new, empty, or this agent's own already is
 * made private. A mistyped `--state-dir /tmp` must not close /tmp to everybody. What is kept there: store.ts.
 */
import type { Files } from '@etcd-agent/platform';

/** Names that nobody else gives: one of them makes the directory ours. The last two are what a killed agent leaves. */
const ownName =
  /^(join-token|identity\.json|pending-enrolment\.json|member-spec\.json|data-dir\.json|process\.json|healing\.json|agent\.lock\.\d+|\.agent\.lock\.[0-9a-f]+\.lock-tmp|\..+\.etcd-agent-tmp)$/;
/** What the very first preparation leaves when it is cut short, and what a fresh file system holds. */
const beginningName = /^(keys|certificates|lost\+found)$/;

/** Throws an Error with `next` where `path` holds things of somebody else and nothing of this agent. */
export async function refuseForeignStateDir(files: Files, path: string): Promise<void> {
  const status = await files.stat(path);
  if (status.kind !== 'directory') return;
  const names = await files.list(path);
  if (names.some((name) => ownName.test(name)) || names.every((name) => beginningName.test(name))) return;
  throw Object.assign(
    new Error(`${path} (stateDir) is not empty and holds nothing of etcd-agent; it was left as it is`),
    { next: 'set stateDir in agent.yaml, or --state-dir, to an empty or new directory' },
  );
}
