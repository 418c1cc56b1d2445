/** Puts an etcd on this host, one thing at a time, for a coordinator that asks; and tidies up after a start. */
import { join } from 'node:path';
import { type TransientUnits, transientUnits } from '@etcd-agent/platform';
import { type EtcdInstallation, Fault, type InstallEnd, type Piece } from '@etcd-agent/protocol';
import { currentEtcd, etcdFacts, etcdsDirectory } from '../etcd-program.js';
import type { AgentHost } from '../host.js';
import { type Announced, receivePiece } from '../incoming.js';
import type { Alone } from '../one-at-a-time.js';
import { OneThing } from '../one-thing.js';
import { ensureAccount } from './account.js';
import { whyHeld } from './held.js';
import { installedFile, installFile } from './install-file.js';
import { PackageInstaller } from './install-package.js';
import { beginReceivingEtcd, incomingDirectory } from './receive.js';

export class Installer {
  private readonly packages: PackageInstaller;
  private readonly one = new OneThing();

  constructor(
    private readonly host: AgentHost,
    /** The agent's own: a step of its loops never falls into the last step of an installation. */
    private readonly alone: Alone,
    private readonly transient: TransientUnits = transientUnits(),
  ) {
    this.packages = new PackageInstaller(host, transient);
  }

  /** Finishes what a power cut left. Never rejects. */
  async afterStart(): Promise<void> {
    const { log } = this.host;
    if (this.host.services.kind !== 'systemd') return;
    await this.one
      .only('finishing an installation', () => this.packages.finish())
      .catch((error: unknown) =>
        log.error({ err: error }, 'an installation of etcd that was cut short cannot be finished'),
      );
  }

  async look(): Promise<EtcdInstallation> {
    const { files, config } = this.host;
    const [etcd, held, choice, installed, unfinished] = await Promise.all([
      etcdFacts(this.host),
      whyHeld(this.host),
      this.packages.choice(),
      installedFile(files, this.etcds),
      this.packages.unfinished(),
    ]);
    const takesFiles = config.etcdBinary === 'auto';
    return {
      etcd,
      installed: takesFiles ? (installed ?? null) : null,
      directory: takesFiles ? this.etcds : null,
      architecture: process.arch,
      package: choice,
      held: held ?? null,
      unfinished,
    };
  }

  async begin(file: Announced): Promise<{ received: number }> {
    const { etcdBinary } = this.host.config;
    if (etcdBinary !== 'auto') {
      throw new Fault(
        'refused',
        `agent.yaml names ${etcdBinary}, so another etcd would never be started`,
        'take etcdBinary out of agent.yaml there and restart etcd-agent',
      );
    }
    await this.refuseWhereHeld();
    return this.one.only('receiving a file', async () => ({
      received: await beginReceivingEtcd(this.host.files, this.etcds, file),
    }));
  }

  piece(piece: Piece) {
    return this.one.only('receiving a file', async () => ({
      received: await receivePiece(this.host.files, incomingDirectory(this.etcds), piece),
    }));
  }

  async file(sha256: string): Promise<InstallEnd> {
    const { host, etcds } = this;
    const path = join(currentEtcd(host), 'etcd');
    const before = await installedFile(host.files, etcds);
    if (before?.sha256 === sha256) return { version: before.version, path, changed: false };
    await this.refuseWhereHeld();
    return this.one.only('installing a file', async () => {
      const whenFree = (change: () => Promise<void>) =>
        this.alone(async () => {
          await this.refuseWhereHeld();
          await change();
        });
      // The account first: once the link is there nothing is left to be done.
      await ensureAccount(host, this.transient);
      const { version } = await installFile({ files: host.files, log: host.log, etcds, sha256, whenFree });
      host.log.info({ version, sha256, path }, 'etcd installed from a file');
      return { version, path, changed: true };
    });
  }

  async package(): Promise<InstallEnd> {
    const { host } = this;
    const before = await etcdFacts(host);
    if (before.kind === 'broken')
      throw new Fault('refused', before.why, `look at ${before.path}: an etcd that is there is not replaced`);
    const unfinished = await this.packages.unfinished();
    if (before.kind === 'missing' || unfinished) {
      await this.refuseWhereHeld();
      await this.one.only('installing a package', () => this.packages.install());
    }
    await ensureAccount(host, this.transient);
    const after = await etcdFacts(host);
    if (after.kind !== 'found') throw new Fault('failed', `there is no ${after.path}`);
    host.log.info({ version: after.version, path: after.path }, 'etcd installed from a package');
    return { version: after.version, path: after.path, changed: before.kind === 'missing' };
  }

  private get etcds(): string {
    return etcdsDirectory(this.host);
  }

  private async refuseWhereHeld(): Promise<void> {
    const held = await whyHeld(this.host);
    if (held === undefined) return;
    throw new Fault(
      'refused',
      `${held}: its etcd is not replaced`,
      'the version of a running member is not changed by an installation; see docs/OPERATIONS.md',
    );
  }
}
