/**
 * What an etcd member is told to run with, as values, and the rules that etcd would only enforce by exiting. How it is
 * written to /etc/etcd/etcd.conf is in conf-render.ts; what belongs to a topology or to a host is not known here.
 */

/** Everything that this product sets for a member. Field names are etcd's own. */
export interface EtcdConfSettings {
  readonly name: string;
  /** Absolute path. */
  readonly dataDir: string;
  /** Absolute path; inside the data directory when left out. */
  readonly walDir?: string;
  /** https URLs with an IP address or localhost, e.g. "https://10.0.0.1:2380". */
  readonly listenPeerURLs: readonly string[];
  /** https only: this product never opens a plaintext client port. */
  readonly listenClientURLs: readonly string[];
  readonly initialAdvertisePeerURLs: readonly string[];
  readonly advertiseClientURLs: readonly string[];
  /** All members of the bootstrap or of the cluster being joined, this one included. */
  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterToken: string;
  readonly initialClusterState: InitialClusterState;
  /** Every member is about to start at this moment, and somebody compares their data afterwards: none does so at its start. */
  readonly togetherWithAll?: boolean;
  /** Milliseconds between the leader's heartbeats. */
  readonly heartbeatInterval: number;
  /** Milliseconds without a heartbeat before a follower campaigns; at least five heartbeats, at most 50 s. */
  readonly electionTimeout: number;
  /** Bytes; etcd's default (2 GiB) when left out. */
  readonly quotaBackendBytes?: number;
  /** Off when left out. Both or neither. */
  readonly autoCompactionMode?: 'periodic' | 'revision';
  /** A duration ("1h") for periodic, a number of revisions ("1000") for revision. */
  readonly autoCompactionRetention?: string;
  readonly snapshotCount?: number;
  readonly maxRequestBytes?: number;
  /** PEM paths of the client port's certificate, its key, and the CA of the clients. */
  readonly client: TlsFiles;
  /** The same for the peer port. */
  readonly peer: TlsFiles;
}

/** One entry of `initial-cluster`. */
export interface InitialMember {
  readonly name: string;
  readonly peerURLs: readonly string[];
}

/** `new` while a cluster is being bootstrapped, `existing` from the moment its data exists. */
export type InitialClusterState = 'new' | 'existing';

/** Absolute paths of PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly trustedCaFile: string;
}

/** An etcd.conf that cannot be written or read, with every problem found. */
export class EtcdConfError extends Error {
  override readonly name = 'EtcdConfError';

  constructor(readonly problems: readonly string[]) {
    super(`etcd.conf: ${problems.join('; ')}`);
  }
}

/** Longest election timeout that etcd accepts, in milliseconds. */
export const electionTimeoutMsMax = 50_000;

/** etcd exits when the election timeout is shorter than this many heartbeats. */
export const heartbeatsPerElectionMin = 5;

/** Every reason why etcd, or this product, would not run with these settings. Empty when they are sound. */
export function checkSettings(settings: EtcdConfSettings): string[] {
  return [
    ...checkName('name', settings.name),
    ...checkName('initialClusterToken', settings.initialClusterToken),
    ...checkPaths(settings),
    ...checkURLs('listenPeerURLs', settings.listenPeerURLs, 'bind'),
    ...checkURLs('listenClientURLs', settings.listenClientURLs, 'bind'),
    ...checkURLs('initialAdvertisePeerURLs', settings.initialAdvertisePeerURLs, 'advertise'),
    ...checkURLs('advertiseClientURLs', settings.advertiseClientURLs, 'advertise'),
    ...checkInitialCluster(settings),
    ...checkNumbers(settings),
    ...checkCompaction(settings),
  ];
}

/** Names stand in `name=url,name=url` and the token in scripts: neither may hold a separator. */
function checkName(field: string, value: string): string[] {
  return /^[^\s,=]+$/.test(value)
    ? []
    : [`${field} ${JSON.stringify(value)} is empty or holds a blank, "," or "="`];
}

function checkPaths({ dataDir, walDir, client, peer }: EtcdConfSettings): string[] {
  const paths: [string, string][] = [['dataDir', dataDir]];
  if (walDir !== undefined) paths.push(['walDir', walDir]);
  for (const [side, files] of [['client', client] as const, ['peer', peer] as const]) {
    for (const field of ['certFile', 'keyFile', 'trustedCaFile'] as const) {
      paths.push([`${side}.${field}`, files[field]]);
    }
  }
  return paths
    .filter(([, path]) => !path.startsWith('/'))
    .map(([field, path]) => `${field} ${JSON.stringify(path)} is not an absolute path`);
}

function checkURLs(field: string, urls: readonly string[], use: 'bind' | 'advertise'): string[] {
  if (urls.length === 0) return [`${field} is empty`];
  return urls.flatMap((url) => {
    const why = whyNotURL(url, use);
    return why === undefined ? [] : [`${field}: ${JSON.stringify(url)} ${why}`];
  });
}

function whyNotURL(url: string, use: 'bind' | 'advertise'): string | undefined {
  const match = /^([a-z]+):\/\/(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+):(\d{1,5})$/.exec(url);
  if (match === null) return 'is not https://host:port';
  const [, scheme, host, port] = match;
  if (scheme !== 'https') return 'is not https: there is no plaintext port';
  if (Number(port) < 1 || Number(port) > 65_535) return 'has no valid port';
  const isIP = host!.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host!);
  if (isIP && !URL.canParse(url)) return 'has no valid address';
  if (use === 'bind' && !isIP && host !== 'localhost')
    return 'must hold an IP address: etcd does not listen on names';
  if (use === 'advertise' && (host === '0.0.0.0' || host === '[::]')) return 'cannot be reached by others';
  return undefined;
}

function checkInitialCluster({ name, initialCluster, initialAdvertisePeerURLs }: EtcdConfSettings): string[] {
  const problems = initialCluster.flatMap((member) => [
    ...checkName('initialCluster name', member.name),
    ...checkURLs(`initialCluster ${member.name}`, member.peerURLs, 'advertise'),
  ]);
  for (const twice of repeated(initialCluster.map((member) => member.name))) {
    problems.push(`initialCluster names ${twice} twice`);
  }
  for (const twice of repeated(initialCluster.flatMap((member) => member.peerURLs))) {
    problems.push(`initialCluster has ${twice} twice`);
  }
  const own = initialCluster.find((member) => member.name === name);
  if (own === undefined) {
    problems.push(`initialCluster does not name ${name}`);
  } else if ([...own.peerURLs].sort().join() !== [...initialAdvertisePeerURLs].sort().join()) {
    problems.push(`initialCluster has other peer URLs for ${name} than initialAdvertisePeerURLs`);
  }
  return problems;
}

function checkNumbers(settings: EtcdConfSettings): string[] {
  const { heartbeatInterval, electionTimeout } = settings;
  const problems: string[] = [];
  const numbers = { heartbeatInterval, electionTimeout, ...countsOf(settings) };
  for (const [field, value] of Object.entries(numbers)) {
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1)
      problems.push(`${field} ${value} is not a positive whole number`);
  }
  if (electionTimeout < heartbeatsPerElectionMin * heartbeatInterval) {
    problems.push(
      `electionTimeout ${electionTimeout} ms is less than ${heartbeatsPerElectionMin} heartbeats of ${heartbeatInterval} ms`,
    );
  }
  if (electionTimeout > electionTimeoutMsMax) {
    problems.push(`electionTimeout ${electionTimeout} ms is more than ${electionTimeoutMsMax} ms`);
  }
  return problems;
}

function countsOf({ quotaBackendBytes, snapshotCount, maxRequestBytes }: EtcdConfSettings) {
  return { quotaBackendBytes, snapshotCount, maxRequestBytes };
}

function checkCompaction({ autoCompactionMode, autoCompactionRetention }: EtcdConfSettings): string[] {
  if (autoCompactionMode === undefined && autoCompactionRetention === undefined) return [];
  if (autoCompactionMode === undefined || autoCompactionRetention === undefined) {
    return ['autoCompactionMode and autoCompactionRetention go together'];
  }
  const shape =
    autoCompactionMode === 'revision' ? /^[1-9]\d{0,15}$/ : /^[1-9]\d{0,8}(\.\d+)?(ms|s|m|h)$|^[1-9]\d{0,5}$/;
  return shape.test(autoCompactionRetention)
    ? []
    : [
        `autoCompactionRetention ${JSON.stringify(autoCompactionRetention)} does not fit mode ${autoCompactionMode}`,
      ];
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, at) => values.indexOf(value) !== at))];
}
