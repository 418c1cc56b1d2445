/**
 * Preflight on this host: facts for the coordinator to judge, and temporary listeners on the two etcd ports, so that the
 * other nodes can try to reach them before etcd is there.
 */
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { classifyUnit } from '@etcd-agent/etcd';
import {
  type LinkChannel,
  localAddresses,
  memoryFacts,
  plainAddress,
  type SystemdServiceManager,
} from '@etcd-agent/platform';
import type { AgentMethods, EndpointAddress, Params, PortState, PreflightFacts } from '@etcd-agent/protocol';
import { judgeDataDir } from '../data-dir.js';
import { etcdFacts } from '../etcd-program.js';
import { effectiveSpec } from '../heal/effective-spec.js';
import { type AgentHost, etcdAccount } from '../host.js';
import { viewService } from '../observe.js';
import { optionalText } from '../optional-text.js';
import { snapshotFacts } from '../snapshots/ready.js';
import { diskFacts } from './disk-facts.js';

/** Listeners that nobody ended are gone after this: probing takes seconds. */
const listenersMsMax = 60_000;

/** The answer of a temporary listener, one JSON line. */
export interface ProbeGreeting {
  readonly nonce: string;
  readonly sourceAddress: string;
}

/** The preflight of one coordinator's connection. */
export class Preflight {
  private servers: Server[] = [];
  private expiry: NodeJS.Timeout | undefined;
  /** The coordinator has hung up: nothing may be opened for it any more. */
  private over = false;

  constructor(
    private readonly host: AgentHost,
    channel: LinkChannel,
  ) {
    channel.onClose(() => {
      this.over = true;
      void this.end();
    });
  }

  async begin(params: Params<AgentMethods, 'preflight.begin'>): Promise<PreflightFacts> {
    await this.end();
    const { host } = this;
    const { store, files, services } = host;
    const [record, spec, state] = await Promise.all([
      store.dataDirRecord(),
      // After a repair the data is of another member than the coordinator's spec names.
      effectiveSpec(host),
      services.observe(),
    ]);
    const etcdRuns = state.kind === 'active' || state.kind === 'activating';
    const [client, peer] = await Promise.all([
      this.listen(params.client, params.nonce, etcdRuns),
      this.listen(params.peer, params.nonce, etcdRuns),
    ]);
    const dataDir = await judgeDataDir(files, params, { record, spec });
    // Measuring writes a file for a moment: not in a directory that is somebody else's, not even there.
    const mayWrite = dataDir.kind !== 'foreign' && dataDir.kind !== 'unknown';
    const [etcd, unit, disk, memory, account, snapshots] = await Promise.all([
      etcdFacts(host),
      unitFacts(host),
      diskFacts(host, mayWrite ? params.dataDir : dirname(params.dataDir)),
      memoryFacts(),
      accountFacts(host),
      params.snapshots === undefined ? undefined : snapshotFacts(host, params.snapshots.dir),
    ]);
    return {
      now: host.clock.now().toISOString(),
      etcd,
      service: { manager: services.kind, state: viewService(state), unit },
      addresses: localAddresses().map(({ address }) => address),
      dataDir,
      disk,
      memory,
      account,
      ports: { client, peer },
      ...(snapshots === undefined ? {} : { snapshots }),
    };
  }

  async end(): Promise<void> {
    clearTimeout(this.expiry);
    const servers = this.servers;
    this.servers = [];
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private async listen(at: EndpointAddress, nonce: string, etcdRuns: boolean): Promise<PortState> {
    const server = createServer((socket) => {
      const greeting: ProbeGreeting = { nonce, sourceAddress: plainAddress(socket.remoteAddress ?? '') };
      socket.on('error', () => socket.destroy());
      socket.setTimeout(2_000, () => socket.destroy());
      socket.end(`${JSON.stringify(greeting)}\n`);
    });
    server.maxConnections = 32;
    const outcome = await new Promise<PortState>((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => resolve(portState(error, etcdRuns)));
      server.listen({ host: at.host, port: at.port, exclusive: true }, () => resolve({ kind: 'listening' }));
    });
    if (outcome.kind !== 'listening') return outcome;
    // It may have hung up while this was being opened; the port is etcd's next.
    if (this.over) {
      server.close();
      return { kind: 'failed', why: 'the link was closed' };
    }
    this.servers.push(server);
    clearTimeout(this.expiry);
    this.expiry = setTimeout(() => void this.end(), listenersMsMax);
    this.expiry.unref();
    return outcome;
  }
}

function portState(error: NodeJS.ErrnoException, etcdRuns: boolean): PortState {
  switch (error.code) {
    case 'EADDRINUSE':
      return { kind: etcdRuns ? 'ownEtcd' : 'inUse' };
    case 'EADDRNOTAVAIL':
      return { kind: 'notLocal' };
    default:
      return { kind: 'failed', why: error.message };
  }
}

// The drop-in owns ExecStart, so flags of a distribution's unit do no harm once it is in place; what they were is told,
// because an operator who set them will miss them. Only a unit that is masked or unreadable stops a bootstrap.
async function unitFacts({ services, files }: AgentHost): Promise<PreflightFacts['service']['unit']> {
  if (services.kind !== 'systemd') return { style: 'none', detail: 'the agent runs etcd itself' };
  const unit = await (services as SystemdServiceManager).readUnit();
  switch (unit.kind) {
    case 'missing':
      return { style: 'none', detail: 'no etcd.service: one will be written' };
    case 'masked':
      return { style: 'unknown', detail: 'etcd.service is masked' };
    case 'unknown':
      return { style: 'unknown', detail: unit.why };
    case 'loaded': {
      if (unit.dropInPaths.some((path) => path.endsWith('/zz-etcd-agent.conf'))) {
        return { style: 'ours', detail: unit.fragmentPath };
      }
      const environment = Object.fromEntries(
        unit.environment.split(' ').flatMap((word): [string, string][] => {
          const at = word.indexOf('=');
          return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : [];
        }),
      );
      const { style, flags } = classifyUnit(
        { execStart: [unit.execStart], environment, environmentFiles: [] },
        await environmentTexts(files, unit.environmentFiles),
      );
      const detail =
        flags.length === 0 ? unit.fragmentPath : `${unit.fragmentPath} passes --${flags.join(' --')}`;
      return { style, detail };
    }
  }
}

/**
 * The texts of the unit's environment files, one after the other: Debian's unit takes etcd's flags from a variable that
 * operators set in /etc/default/etcd. `shown` as systemctl prints it, `/path (ignore_errors=yes)` a line.
 */
async function environmentTexts(files: AgentHost['files'], shown: string): Promise<string> {
  const paths = shown.split('\n').flatMap((line) => /^(\/.*) \(ignore_errors=\w+\)$/.exec(line)?.[1] ?? []);
  const texts = await Promise.all(
    // A file that cannot be read is one that systemd does not read either, or says so itself when it starts the unit.
    paths.map((path) => optionalText(files, path).catch(() => undefined)),
  );
  return texts.map((text) => text ?? '').join('\n');
}

async function accountFacts(host: AgentHost): Promise<PreflightFacts['account']> {
  const account = await etcdAccount(host);
  switch (account.kind) {
    case 'own':
      return { kind: 'notUsed' };
    case 'missing':
      return { kind: 'missing', name: account.name };
    case 'account':
      return { kind: 'present', name: account.name, ...account.owner };
  }
}
