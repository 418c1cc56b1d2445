/** The etcd that a playground runs. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { Failure } from '../failure.js';

/** `--etcd` > `ETCD_BIN` > PATH. Throws Failure where none of them is an executable. */
export function findEtcd(flag: string | undefined): string {
  const named = flag ?? process.env.ETCD_BIN;
  if (named !== undefined && named !== '') {
    const path = resolve(named);
    if (isExecutable(path)) return path;
    throw missing(`${path} is not an executable file`);
  }
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, 'etcd');
    if (directory !== '' && isExecutable(path)) return path;
  }
  throw missing('there is no etcd on the PATH');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(what: string): Failure {
  return new Failure({
    exit: 'usage',
    what,
    next: 'install etcd (package etcd or etcd-server), or name one: --etcd PATH or ETCD_BIN',
  });
}
