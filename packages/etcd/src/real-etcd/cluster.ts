/** Only for tests: members of real etcd on 127.0.0.1 with the settings of our own etcd.conf, and clients of them. */
import { join } from 'node:path';
import type { EtcdAdmin } from '../admin.js';
import { renderEtcdConf } from '../conf-render.js';
import type { EtcdConfSettings } from '../conf-settings.js';
import { parseEnvFile } from '../env-file.js';
import { connectEtcd } from '../etcd3-admin.js';
import { parseEtcdVersion } from '../versions.js';
import type { TestCertificates } from './certificates.js';
import { EtcdProcess, etcdBinary, freePorts } from './processes.js';

/** How long members may take to start, in milliseconds. */
export const startTimeoutMs = 40_000;
/** How long one call of their clients may take: longer than an election on a busy machine, which a call may meet. */
export const callDeadlineMs = 4_000;

/** One member: what it was told, its process, and a client of it alone. */
export class RealMember {
  private constructor(
    readonly settings: EtcdConfSettings,
    readonly admin: EtcdAdmin,
    private readonly version: string,
    public process: EtcdProcess,
  ) {}

  static async start(
    version: string,
    settings: EtcdConfSettings,
    certificates: TestCertificates,
  ): Promise<RealMember> {
    const endpoint = settings.advertiseClientURLs[0]!;
    const admin = await connectEtcd({ endpoint, ...certificates.client, deadlineMs: callDeadlineMs });
    const process = new EtcdProcess(etcdBinary(version), envOf(settings, version));
    return new RealMember(settings, admin, version, process);
  }

  /** Kills it; it can be started again. */
  async kill(): Promise<void> {
    await this.process.stop();
  }

  startAgain(): void {
    this.process = new EtcdProcess(etcdBinary(this.version), envOf(this.settings, this.version));
  }

  /** Kills it and closes its client. */
  async end(): Promise<void> {
    this.admin.close();
    await this.process.stop();
  }
}

/** Starts `count` members of a new cluster, below `dir`, and waits until each answers a linearizable read. */
export async function startCluster(
  version: string,
  count: number,
  dir: string,
  certificates: TestCertificates,
): Promise<RealMember[]> {
  const members: RealMember[] = [];
  for (const settings of newMembers(await freePorts(2 * count), dir, certificates)) {
    members.push(await RealMember.start(version, settings, certificates));
  }
  await Promise.all(members.map(({ admin }) => untilHealthy(admin)));
  return members;
}

/** The settings of members of one new cluster: `ports` are their peer ports, then their client ports. */
export function newMembers(
  ports: readonly number[],
  dir: string,
  { server }: TestCertificates,
): EtcdConfSettings[] {
  const count = Math.floor(ports.length / 2);
  const url = (port: number | undefined) => `https://127.0.0.1:${port}`;
  const initialCluster = ports
    .slice(0, count)
    .map((port, at) => ({ name: `etcd${at}`, peerURLs: [url(port)] }));
  return initialCluster.map(({ name, peerURLs }, at) => ({
    name,
    dataDir: join(dir, name),
    listenPeerURLs: peerURLs,
    listenClientURLs: [url(ports[count + at])],
    initialAdvertisePeerURLs: peerURLs,
    advertiseClientURLs: [url(ports[count + at])],
    initialCluster,
    initialClusterToken: clusterToken,
    initialClusterState: 'new',
    heartbeatInterval: 100,
    electionTimeout: 1_000,
    quotaBackendBytes: 64 * 1024 * 1024,
    snapshotCount: 10_000,
    maxRequestBytes: 1_048_576,
    autoCompactionMode: 'periodic',
    autoCompactionRetention: '1h',
    client: server,
    peer: server,
  }));
}

/** The token of every test cluster: each is on ports of its own. */
export const clusterToken = 'real-etcd-test';

/** The rendered file, as systemd would hand it to etcd. */
export function envOf(settings: EtcdConfSettings, version: string): Record<string, string> {
  const file = parseEnvFile(renderEtcdConf(settings, parseEtcdVersion(version)!));
  if (file.problems.length > 0) throw new Error(`the rendered etcd.conf: ${JSON.stringify(file.problems)}`);
  return Object.fromEntries(file.values);
}

/** Waits until a linearizable read succeeds, up to {@link startTimeoutMs}. */
export async function untilHealthy(admin: EtcdAdmin): Promise<void> {
  for (const end = performance.now() + startTimeoutMs; ; ) {
    try {
      await admin.linearizableRead();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
