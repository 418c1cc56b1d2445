/**
 * Real etcds without agents: started, killed and wiped by the test itself, on loopback. Clients speak TLS, because
 * production code knows no other way; members speak plainly to each other.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectEtcd, type EtcdAdmin, type InitialMember } from '@etcd-agent/etcd';
import { createAuthority, createRequest, generateKey, issue, readRequest } from '@etcd-agent/pki';
import { type EtcdVersion, etcdBinaries } from './etcd-binaries.js';
import { freePorts } from './ports.js';
import { describeOutcome, runProgram } from './programs.js';
import { waitFor } from './wait.js';

/** Papers that serve as every member's and every client's, PEM texts and files. */
export interface BarePapers {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly dir: string;
}

export async function barePapers(dir: string): Promise<BarePapers> {
  const now = new Date();
  const algorithm = { algo: 'ecdsa', size: 256 } as const;
  const authority = await createAuthority({
    subject: { CN: 'bare CA', names: [] },
    key: algorithm,
    expiry: '24h',
    now,
  });
  const key = await generateKey(algorithm);
  const subject = { CN: 'bare', names: [] };
  const { publicKey } = await readRequest(await createRequest({ key, subject, hosts: [] }));
  const cert = await issue({
    authority,
    publicKey,
    subject,
    hosts: ['127.0.0.1'],
    uris: [],
    usages: ['signing', 'server auth', 'client auth'],
    expiry: '24h',
    now,
  });
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'ca.pem'), authority.certificate);
  writeFileSync(join(dir, 'cert.pem'), cert);
  writeFileSync(join(dir, 'key.pem'), key, { mode: 0o600 });
  return { ca: authority.certificate, cert, key, dir };
}

const callMs = 1_500;

export class BareEtcd {
  log = '';
  #child: ChildProcess | undefined;

  private constructor(
    readonly name: string,
    readonly dataDir: string,
    readonly peerURL: string,
    readonly clientURL: string,
    readonly admin: EtcdAdmin,
    private readonly version: EtcdVersion,
    private readonly papers: BarePapers,
  ) {}

  static async create(
    name: string,
    dir: string,
    version: EtcdVersion,
    papers: BarePapers,
  ): Promise<BareEtcd> {
    const [peer, client] = (await freePorts(2)) as [number, number];
    const endpoint = `https://127.0.0.1:${client}`;
    const admin = await connectEtcd({ endpoint, ...papers, deadlineMs: callMs });
    const peerURL = `http://127.0.0.1:${peer}`;
    return new BareEtcd(name, join(dir, name), peerURL, endpoint, admin, version, papers);
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended by itself; null while it runs, or when it was killed. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null;
  }

  start(
    initialCluster: readonly InitialMember[],
    state: 'new' | 'existing',
    settings: Readonly<Record<string, string>> = {},
  ): void {
    const file = (name: string) => join(this.papers.dir, name);
    const env = {
      ETCD_NAME: this.name,
      ETCD_DATA_DIR: this.dataDir,
      ETCD_LISTEN_PEER_URLS: this.peerURL,
      ETCD_INITIAL_ADVERTISE_PEER_URLS: this.peerURL,
      ETCD_LISTEN_CLIENT_URLS: this.clientURL,
      ETCD_ADVERTISE_CLIENT_URLS: this.clientURL,
      ETCD_INITIAL_CLUSTER: initialCluster.map(({ name, peerURLs }) => `${name}=${peerURLs[0]}`).join(','),
      ETCD_INITIAL_CLUSTER_STATE: state,
      ETCD_INITIAL_CLUSTER_TOKEN: 'bare',
      ETCD_CERT_FILE: file('cert.pem'),
      ETCD_KEY_FILE: file('key.pem'),
      ETCD_TRUSTED_CA_FILE: file('ca.pem'),
      ETCD_CLIENT_CERT_AUTH: 'true',
      ...settings,
      ...(this.version === '3.3.25' ? {} : { ETCD_PRE_VOTE: 'true', ETCD_UNSAFE_NO_FSYNC: 'true' }),
    };
    this.log = '';
    const child = spawn(etcdBinaries(this.version).etcd, [], {
      env: { PATH: '/usr/bin:/bin', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    this.#child!.kill('SIGKILL');
    await waitFor(`the end of ${this.name}`, () => !this.running, 10_000, 5);
  }

  async wipe(): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** A quota, and a value that does not fit into it. */
const fullBytes = 1024 * 1024;

/**
 * A snapshot of an etcd of its own that has these keys, saved by its own etcdctl; `full`: under its NOSPACE alarm. The etcd is gone when
 * it returns.
 */
export async function foreignSnapshot(
  version: EtcdVersion,
  dir: string,
  keys: Readonly<Record<string, string>>,
  { full = false } = {},
): Promise<string> {
  const papers = await barePapers(join(dir, 'papers'));
  const etcd = await BareEtcd.create('foreign', dir, version, papers);
  const file = join(dir, `foreign-${version}.db`);
  try {
    const quota = full ? { ETCD_QUOTA_BACKEND_BYTES: String(fullBytes) } : {};
    etcd.start([{ name: etcd.name, peerURLs: [etcd.peerURL] }], 'new', quota);
    await waitFor('its cluster version', () => /initial cluster version/.test(etcd.log), 20_000);
    for (const [key, value] of Object.entries(keys)) await etcd.admin.put(key, value);
    if (full) await etcd.admin.put('too/large', 'x'.repeat(fullBytes)).catch(() => {});
    const env = {
      PATH: '/usr/bin:/bin',
      ETCDCTL_API: '3',
      ETCDCTL_ENDPOINTS: etcd.clientURL,
      ETCDCTL_CACERT: join(papers.dir, 'ca.pem'),
      ETCDCTL_CERT: join(papers.dir, 'cert.pem'),
      ETCDCTL_KEY: join(papers.dir, 'key.pem'),
    };
    const saved = await runProgram(etcdBinaries(version).etcdctl, ['snapshot', 'save', file], { env });
    if (saved.code !== 0) throw new Error(describeOutcome(saved));
    return file;
  } finally {
    etcd.admin.close();
    await etcd.kill();
  }
}
