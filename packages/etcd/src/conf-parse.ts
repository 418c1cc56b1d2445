/**
 * Settings from the text of an /etc/etcd/etcd.conf, ours or a person's. It reads what is there, also what would not be
 * written again (a plaintext port, say): judging settings is for checkSettings, in conf-settings.ts.
 */
import type { EtcdConfSettings, InitialClusterState, InitialMember, TlsFiles } from './conf-settings.js';
import { parseEnvFile } from './env-file.js';

/** What was read. `others` holds the variables that the settings have no field for. */
export type ParsedEtcdConf =
  | { readonly kind: 'ok'; readonly settings: EtcdConfSettings; readonly others: ReadonlyMap<string, string> }
  | { readonly kind: 'problems'; readonly problems: readonly string[] };

/** Reads a file's text, reporting every problem at once: lines that systemd skips, variables missing or senseless. */
export function parseEtcdConf(text: string): ParsedEtcdConf {
  const file = parseEnvFile(text);
  const problems = file.problems.map(({ line, message }) => `line ${line}: ${message}`);
  const values = new Variables(file.values, problems);
  const settings: EtcdConfSettings = {
    name: values.required('ETCD_NAME'),
    dataDir: values.required('ETCD_DATA_DIR'),
    ...values.optional('walDir', 'ETCD_WAL_DIR'),
    listenPeerURLs: values.list('ETCD_LISTEN_PEER_URLS'),
    listenClientURLs: values.list('ETCD_LISTEN_CLIENT_URLS'),
    initialAdvertisePeerURLs: values.list('ETCD_INITIAL_ADVERTISE_PEER_URLS'),
    advertiseClientURLs: values.list('ETCD_ADVERTISE_CLIENT_URLS'),
    initialCluster: values.members('ETCD_INITIAL_CLUSTER'),
    initialClusterToken: values.required('ETCD_INITIAL_CLUSTER_TOKEN'),
    initialClusterState: values.state('ETCD_INITIAL_CLUSTER_STATE'),
    heartbeatInterval: values.number('ETCD_HEARTBEAT_INTERVAL'),
    electionTimeout: values.number('ETCD_ELECTION_TIMEOUT'),
    ...values.optionalNumber('quotaBackendBytes', 'ETCD_QUOTA_BACKEND_BYTES'),
    ...values.mode('ETCD_AUTO_COMPACTION_MODE'),
    ...values.optional('autoCompactionRetention', 'ETCD_AUTO_COMPACTION_RETENTION'),
    ...values.optionalNumber('snapshotCount', 'ETCD_SNAPSHOT_COUNT'),
    ...values.optionalNumber('maxRequestBytes', 'ETCD_MAX_REQUEST_BYTES'),
    client: values.tls('ETCD_'),
    peer: values.tls('ETCD_PEER_'),
  };
  if (problems.length > 0) return { kind: 'problems', problems };
  return { kind: 'ok', settings, others: values.rest() };
}

/** Reads "name=url,name=url". Returns undefined when an entry is not such a pair. */
export function parseInitialCluster(text: string): InitialMember[] | undefined {
  const members = new Map<string, string[]>();
  for (const entry of splitList(text)) {
    const at = entry.indexOf('=');
    if (at < 1) return undefined;
    const name = entry.slice(0, at);
    members.set(name, [...(members.get(name) ?? []), entry.slice(at + 1)]);
  }
  return [...members].map(([name, peerURLs]) => ({ name, peerURLs }));
}

function splitList(text: string): string[] {
  return text.split(',').map((each) => each.trim());
}

/** Takes variables out one by one, collecting problems, and knows which nobody asked for. */
class Variables {
  private readonly asked = new Set<string>();

  constructor(
    private readonly values: ReadonlyMap<string, string>,
    private readonly problems: string[],
  ) {}

  /** A value that must be there; an empty one counts as missing, as it does for etcd. */
  required(name: string): string {
    const value = this.take(name);
    if (value === undefined) this.problems.push(`${name} is missing`);
    return value ?? '';
  }

  optional<F extends string>(field: F, name: string): { [K in F]?: string } {
    const value = this.take(name);
    return (value === undefined ? {} : { [field]: value }) as { [K in F]?: string };
  }

  number(name: string): number {
    const text = this.required(name);
    return text === '' ? 0 : this.toNumber(name, text);
  }

  optionalNumber<F extends string>(field: F, name: string): { [K in F]?: number } {
    const text = this.take(name);
    return (text === undefined ? {} : { [field]: this.toNumber(name, text) }) as { [K in F]?: number };
  }

  list(name: string): string[] {
    return splitList(this.required(name));
  }

  members(name: string): InitialMember[] {
    const text = this.required(name);
    const members = text === '' ? [] : parseInitialCluster(text);
    if (members === undefined) this.problems.push(`${name} is not a list of name=url`);
    return members ?? [];
  }

  state(name: string): InitialClusterState {
    const text = this.required(name);
    if (text === 'new' || text === 'existing') return text;
    if (text !== '') this.problems.push(`${name} ${JSON.stringify(text)} is neither new nor existing`);
    return 'new';
  }

  mode(name: string): { autoCompactionMode?: 'periodic' | 'revision' } {
    const text = this.take(name);
    if (text === undefined) return {};
    if (text === 'periodic' || text === 'revision') return { autoCompactionMode: text };
    this.problems.push(`${name} ${JSON.stringify(text)} is neither periodic nor revision`);
    return {};
  }

  /** The settings always mean client certificates, so a file that does not ask for them cannot be read into them. */
  tls(prefix: 'ETCD_' | 'ETCD_PEER_'): TlsFiles {
    const auth = this.take(`${prefix}CLIENT_CERT_AUTH`);
    if (!/^(1|t|true)$/i.test(auth ?? '')) this.problems.push(`${prefix}CLIENT_CERT_AUTH is not true`);
    return {
      certFile: this.required(`${prefix}CERT_FILE`),
      keyFile: this.required(`${prefix}KEY_FILE`),
      trustedCaFile: this.required(`${prefix}TRUSTED_CA_FILE`),
    };
  }

  rest(): Map<string, string> {
    return new Map([...this.values].filter(([name]) => !this.asked.has(name)));
  }

  private take(name: string): string | undefined {
    this.asked.add(name);
    return this.values.get(name) || undefined;
  }

  private toNumber(name: string, text: string): number {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    this.problems.push(`${name} ${JSON.stringify(text)} is not a whole number`);
    return 0;
  }
}
