// Which etcd a benchmark runs.
import { existsSync, readFileSync } from 'node:fs';

export const versionDefault = '3.4.23';

/** The program at that path or of that version; undefined: not there. With neither named, ETCD_BIN where the default is missing. */
export function findEtcd(named, root) {
  if (named !== undefined && existsSync(named)) return named;
  const index = `${root}/.cache/etcd/index.json`;
  const known = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')) : [];
  const found = known.find(({ version }) => version === (named ?? versionDefault));
  return found?.etcd ?? (named === undefined ? process.env.ETCD_BIN : undefined);
}
