/**
 * The files that etcd reads: `etcd.conf` and six PEM files under /etc/etcd, with owners and modes. The agent's state
 * keeps copies; here they are put in place.
 */
import { parseEnvFile, parseEtcdVersion, renderEtcdConf, replaceValues } from '@etcd-agent/etcd';
import type { WriteOptions } from '@etcd-agent/platform';
import { Fault, type MemberSpec, type NodeSnapshot } from '@etcd-agent/protocol';
import type { AgentPaths } from './config.js';
import { type AgentHost, etcdAccount } from './host.js';
import { oncePerText } from './once-per-text.js';
import { optionalText } from './optional-text.js';

const stateKey = 'ETCD_INITIAL_CLUSTER_STATE';

/** The PEM texts of one node. Keys never leave the host they were made on. */
export interface NodePems {
  readonly etcdCa: string;
  readonly etcd: string;
  readonly etcdKey: string;
  readonly peerCa: string;
  readonly peer: string;
  readonly peerKey: string;
}

/** Modes of /etc/etcd: the directory 0750, keys 0640, group etcd; where etcd has no account of its own, 0700 and 0600. */
async function accessOf(
  host: AgentHost,
): Promise<{ directory: WriteOptions; public: WriteOptions; secret: WriteOptions }> {
  const account = await etcdAccount(host);
  switch (account.kind) {
    case 'missing':
      throw new Fault(
        'failed',
        `there is no account ${account.name} on this host`,
        'Install the etcd package.',
      );
    case 'own':
      return { directory: { mode: 0o700 }, public: { mode: 0o644 }, secret: { mode: 0o600 } };
    case 'account': {
      const owner = { uid: 0, gid: account.owner.gid };
      return {
        directory: { mode: 0o750, owner },
        public: { mode: 0o644, owner },
        secret: { mode: 0o640, owner },
      };
    }
  }
}

/**
 * What stands at the places of our six PEM files before this agent has ever written one is somebody else's, perhaps the
 * only copy of a key: it is kept beside them. Repeatable.
 */
export async function keepForeignPems(host: AgentHost): Promise<void> {
  const { paths } = host;
  const access = await accessOf(host);
  for (const path of [
    paths.etcdKey,
    paths.peerKey,
    paths.etcdCa,
    paths.peerCa,
    paths.etcdCert,
    paths.peerCert,
  ]) {
    await keepForeign(host, path, access.secret);
  }
}

async function keepForeign({ files, clock }: AgentHost, path: string, options: WriteOptions): Promise<void> {
  const text = await optionalText(files, path);
  if (text === undefined) return;
  const keep = `${path}.before-etcd-agent`;
  const kept = await optionalText(files, keep);
  if (kept === text) return;
  const name = kept === undefined ? keep : `${keep}-${clock.now().toISOString().replace(/[:.]/g, '')}`;
  await files.writeAtomic(name, text, options);
}

/** Writes the six PEM files, keys first. Each is atomic; etcd reads leaf files anew for every connection. */
export async function installPems(host: AgentHost, pems: NodePems): Promise<void> {
  const { files, paths } = host;
  const access = await accessOf(host);
  await files.makeDirectory(paths.etcdConfigDir, access.directory);
  await Promise.all([
    files.writeAtomic(paths.etcdKey, pems.etcdKey, access.secret),
    files.writeAtomic(paths.peerKey, pems.peerKey, access.secret),
  ]);
  await Promise.all([
    files.writeAtomic(paths.etcdCa, pems.etcdCa, access.public),
    files.writeAtomic(paths.peerCa, pems.peerCa, access.public),
    files.writeAtomic(paths.etcdCert, pems.etcd, access.public),
    files.writeAtomic(paths.peerCert, pems.peer, access.public),
  ]);
}

/**
 * Writes `etcd.conf` for the spec. What a person wrote there before is kept beside it, as `etcd.conf.before-etcd-agent`.
 * Returns whether the file changed.
 */
export async function installConf(
  host: AgentHost,
  spec: MemberSpec,
  state: 'new' | 'existing',
): Promise<boolean> {
  const { files, paths } = host;
  const access = await accessOf(host);
  const text = confText(host, spec, state);
  const current = await optionalText(host.files, paths.etcdConf);
  if (current === text) return false;
  if (current !== undefined && !current.startsWith(confHead))
    await keepForeign(host, paths.etcdConf, access.secret);
  await files.makeDirectory(paths.etcdConfigDir, access.directory);
  await files.writeAtomic(paths.etcdConf, text, access.public);
  return true;
}

/** Changes nothing in `etcd.conf` but the cluster state, from `new` to `existing`. */
export async function flipConfToExisting(host: AgentHost): Promise<void> {
  const { files, paths } = host;
  const text = await files.readText(paths.etcdConf);
  await files.writeAtomic(
    paths.etcdConf,
    replaceValues(text, { [stateKey]: 'existing' }),
    (await accessOf(host)).public,
  );
}

const clusterStateOf = oncePerText((text) => parseEnvFile(text).values.get(stateKey));

/** What the snapshot tells of `etcd.conf`. */
export async function viewConf(host: AgentHost): Promise<NodeSnapshot['conf']> {
  try {
    const text = await optionalText(host.files, host.paths.etcdConf);
    if (text === undefined) return { kind: 'missing' };
    const state = clusterStateOf(text);
    return state === undefined
      ? { kind: 'unreadable', why: `${host.paths.etcdConf} has no ${stateKey}` }
      : { kind: 'present', initialClusterState: state };
  } catch (error) {
    return { kind: 'unreadable', why: (error as Error).message };
  }
}

/** What etcd reads only before it has data of its own: not a damage where it differs. */
const beginningKeys = ['ETCD_INITIAL_CLUSTER', stateKey, 'ETCD_INITIAL_CLUSTER_TOKEN'];

/** Paths of the files of etcd that are missing, or are not what the spec and these PEM texts say. */
export async function damagedFiles(host: AgentHost, spec: MemberSpec, pems: NodePems): Promise<string[]> {
  const { paths } = host;
  const wanted: [string, string][] = [
    [paths.etcdKey, pems.etcdKey],
    [paths.peerKey, pems.peerKey],
    [paths.etcdCa, pems.etcdCa],
    [paths.peerCa, pems.peerCa],
    [paths.etcdCert, pems.etcd],
    [paths.peerCert, pems.peer],
  ];
  const differs = await Promise.all(
    wanted.map(async ([path, text]) => (await optionalText(host.files, path)) !== text),
  );
  const damaged = wanted.filter((_, at) => differs[at]).map(([path]) => path);
  const conf = await optionalText(host.files, paths.etcdConf);
  return settingsOf(conf ?? '') === wantedSettings(host, spec) ? damaged : [...damaged, paths.etcdConf];
}

const settingsOf = oncePerText((conf) => {
  const { values } = parseEnvFile(conf);
  return JSON.stringify([...values].filter(([key]) => !beginningKeys.includes(key)).sort());
});

const wantedOf = new WeakMap<MemberSpec, { readonly paths: AgentPaths; readonly settings: string }>();

/** A spec is never changed, only replaced, and this is asked for every ten seconds: worked out once for each. */
function wantedSettings(host: AgentHost, spec: MemberSpec): string {
  let known = wantedOf.get(spec);
  if (known?.paths !== host.paths) {
    known = { paths: host.paths, settings: settingsOf(confText(host, spec, 'existing')) };
    wantedOf.set(spec, known);
  }
  return known.settings;
}

const confHead = '# Written by etcd-agent';

function confText(host: AgentHost, spec: MemberSpec, state: 'new' | 'existing'): string {
  const version = parseEtcdVersion(spec.etcd.version);
  if (version === undefined) throw new Fault('invalidParams', `${spec.etcd.version} is no etcd version`);
  const { paths } = host;
  const { version: _, ...settings } = spec.etcd;
  const body = renderEtcdConf(
    {
      ...definedOnly(settings),
      name: spec.node,
      initialCluster: spec.initialCluster,
      initialClusterToken: spec.cluster.token,
      initialClusterState: state,
      togetherWithAll: spec.hold !== undefined,
      client: { certFile: paths.etcdCert, keyFile: paths.etcdKey, trustedCaFile: paths.etcdCa },
      peer: { certFile: paths.peerCert, keyFile: paths.peerKey, trustedCaFile: paths.peerCa },
    },
    version,
  );
  return `${confHead} for generation ${spec.generation}: changes made by hand are overwritten.\n${body}`;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

// An optional setting that zod read as undefined is a setting that is not there.
function definedOnly<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Defined<T>;
}
