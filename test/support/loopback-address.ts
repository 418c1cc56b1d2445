/** One more address of this machine, on its loopback device, that can be taken away again: that takes root. */
import { spawnSync } from 'node:child_process';

export interface LoopbackAddress {
  add(): void;
  /** Again does no harm. */
  remove(): void;
}

/**
 * Adds `address`, which nothing else may use. Without root there is none: that fails where CI is set, so that it cannot go
 * unnoticed there, and elsewhere calls `skip` with the reason.
 */
export function addLoopbackAddress(address: string, skip: (why: string) => never): LoopbackAddress {
  const change = (verb: 'add' | 'del') =>
    spawnSync('ip', ['address', verb, `${address}/32`, 'dev', 'lo'], { encoding: 'utf8' });
  const add = () => {
    const { status, stderr, error } = change('add');
    return status === 0 ? undefined : `ip address add ${address}: ${String(error ?? stderr).trim()}`;
  };
  // One that a run which was killed has left is as good as a new one.
  change('del');
  const failure = add();
  if (failure !== undefined) {
    const why = `another address needs root: ${failure}`;
    if (process.env.CI !== undefined) throw new Error(why);
    return skip(why);
  }
  return {
    add() {
      const again = add();
      if (again !== undefined) throw new Error(again);
    },
    remove: () => void change('del'),
  };
}
