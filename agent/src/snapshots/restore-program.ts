/**
 * The program that makes a data dir out of a snapshot: etcdutl or etcdctl of the very minor that this host's etcd has, since
 * the data must be laid out for that one.
 */
import { dirname, join } from 'node:path';
import { type EtcdVersion, featuresOf, minorOf, parseEtcdVersion } from '@etcd-agent/etcd';
import { plainEnvironment, runProgram } from '@etcd-agent/platform';
import { Fault } from '@etcd-agent/protocol';
import { etcdFacts } from '../etcd-program.js';
import type { AgentHost } from '../host.js';

/** On a cold page cache of a slow disk. */
const versionMsMax = 10_000;
/** etcdctl of 3.3 knows no `snapshot` without it; later ones and etcdutl take no notice. */
export const restoreEnvironment = { ...plainEnvironment, ETCDCTL_API: '3' };

export interface RestoreProgram {
  readonly path: string;
  readonly version: EtcdVersion;
  readonly etcd: { readonly path: string; readonly version: EtcdVersion };
}

type Where = Pick<AgentHost, 'config' | 'paths' | 'services' | 'files'>;

/** Looks beside etcd first, then where programs of this host are. Throws a Fault with the remedy where there is none. */
export async function findRestoreProgram(host: Where): Promise<RestoreProgram> {
  const etcd = await etcdFacts(host);
  const version = etcd.kind === 'found' ? parseEtcdVersion(etcd.version) : undefined;
  if (version === undefined) {
    const why = etcd.kind === 'broken' ? etcd.why : `there is no ${etcd.path}`;
    throw new Fault('failed', why, 'coordinator etcd install');
  }
  const { restorePrograms } = featuresOf(version);
  const places = [dirname(etcd.path), ...plainEnvironment.PATH!.split(':')];
  const others: string[] = [];
  for (const place of new Set(places)) {
    for (const name of restorePrograms) {
      const path = join(place, name);
      if (!(await host.files.exists(path))) continue;
      const found = await versionOf(path);
      if (found !== undefined && minorOf(found) === minorOf(version))
        return { path, version: found, etcd: { path: etcd.path, version } };
      others.push(`${path} is ${found === undefined ? 'no program of etcd' : found.text}`);
    }
  }
  throw new Fault(
    'failed',
    `nothing on this host restores snapshots for etcd ${version.text}${others.length === 0 ? '' : ` (${others.join(', ')})`}`,
    `put ${restorePrograms[0]} ${minorOf(version)} beside ${etcd.path}: coordinator etcd install brings it along with etcd, and distributions have it in the package etcd-client`,
  );
}

async function versionOf(path: string): Promise<EtcdVersion | undefined> {
  const result = await runProgram(path, ['version'], { timeoutMs: versionMsMax, env: restoreEnvironment });
  if (result.kind !== 'exited' || result.code !== 0) return undefined;
  return parseEtcdVersion(/^etcd(?:ctl|utl) version:[ \t]*(\S+)/m.exec(result.stdout)?.[1] ?? '');
}
