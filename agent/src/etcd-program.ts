/** Which etcd this host runs: the one that agent.yaml names, or one that came over the link, or the distribution's. */
import { join } from 'node:path';
import { parseEtcdVersion } from '@etcd-agent/etcd';
import { describeResult, runProgram } from '@etcd-agent/platform';
import type { EtcdProgram } from '@etcd-agent/protocol';
import type { AgentHost } from './host.js';

/** Where both families of distributions put it. */
const packagedEtcd = '/usr/bin/etcd';
/** Where programs go that no package has: etcd's account can read it. */
export const sharedDirectory = '/usr/local/lib/etcd-agent/etcd';
/** `etcd --version` on a cold page cache of a slow disk. */
const versionMsMax = 10_000;

type Where = Pick<AgentHost, 'config' | 'paths' | 'services'>;

/** Where etcds from files are kept, a directory for each version and `current`, a link to the one in use. */
export function etcdsDirectory({ config, paths, services }: Where): string {
  // An etcd that runs as the agent's own account can read the agent's state, and such an agent may write nowhere else.
  return services.kind === 'process' && config.etcdUser === '' ? paths.ownEtcds : sharedDirectory;
}

/** The link to the version in use. */
export function currentEtcd(host: Where): string {
  return join(etcdsDirectory(host), 'current');
}

/** The program that is started. By its link, so that the unit need not change when the version does. */
export async function etcdProgram(host: Where & Pick<AgentHost, 'files'>): Promise<string> {
  const { etcdBinary } = host.config;
  if (etcdBinary !== 'auto') return etcdBinary;
  // Once one was installed from a file the distribution's, which may be older, is not taken in its stead.
  const current = currentEtcd(host);
  return (await host.files.exists(current)) ? join(current, 'etcd') : packagedEtcd;
}

/** What is at that path. */
export async function etcdFacts(host: Where & Pick<AgentHost, 'files'>): Promise<EtcdProgram> {
  return factsOf(await etcdProgram(host));
}

/** What the program at `path` says that it is. */
export async function factsOf(path: string): Promise<EtcdProgram> {
  const result = await runProgram(path, ['--version'], { timeoutMs: versionMsMax });
  if (result.kind === 'notStarted' && result.code === 'ENOENT') return { kind: 'missing', path };
  if (result.kind !== 'exited' || result.code !== 0)
    return { kind: 'broken', path, why: describeResult(path, result) };
  const version = parseEtcdVersion(result.stdout);
  return version === undefined
    ? { kind: 'broken', path, why: `${path} --version does not answer as etcd does` }
    : { kind: 'found', path, version: version.text };
}
