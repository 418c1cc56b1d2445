/**
 * A cluster on loopback for one test: real agents, the real coordinator, a real etcd. It starts with a topology file and
 * nothing running; a test takes it as far as it wants.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { offlineCommands, silentProgress } from '@etcd-agent/coordinator';
import type { TestContext } from 'vitest';
import {
  type EtcdBinaries,
  type EtcdVersion,
  etcdBinaries,
  patientEtcdctl,
  usualVersion,
} from './etcd-binaries.js';
import { freePorts } from './ports.js';
import { killAndWait } from './process-table.js';
import {
  describeOutcome,
  type Outcome,
  programs,
  type Running,
  type RunOptions,
  runProgram,
  startProgram,
} from './programs.js';
import { TestNode } from './test-node.js';
import { closeWorkspace, workspace } from './workspace.js';

const tokenLifeMs = 10 * 60_000;

export interface TestClusterOptions {
  readonly version?: EtcdVersion;
  /** How many nodes, default 3; they are called etcd0, etcd1, ... */
  readonly nodes?: number;
  readonly names?: readonly string[];
  /** Of all nodes, default 127.0.0.1. */
  readonly address?: string;
  /** Name of the cluster. */
  readonly name?: string;
  /** The `pki:` value, as YAML; default P-256, which is quick. */
  readonly pki?: string;
  /** The `healing:` value, as YAML; without it, the defaults. */
  readonly healing?: string;
}

/** The parts of bootstrap.json that tests look at. */
export interface RecordView {
  readonly bootstrapId: string;
  readonly clusterId: string;
  readonly generation: number;
  readonly completedAt?: string;
  readonly members: readonly {
    readonly name: string;
    readonly memberId: string;
    readonly peerURLs: string[];
  }[];
}

/** Makes the directory, the ports and the topology. Nothing runs yet. */
export async function testCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const names = options.names ?? Array.from({ length: options.nodes ?? 3 }, (_, index) => `etcd${index}`);
  const binaries = etcdBinaries(options.version ?? usualVersion);
  const ports = await freePorts(names.length * 3);
  const dir = workspace('cluster');
  const nodes = names.map((name, index) => {
    const [agent, client, peer] = ports.slice(index * 3, index * 3 + 3) as [number, number, number];
    return new TestNode(dir, name, { agent, client, peer }, binaries.etcd, options.address);
  });
  const cluster = new TestCluster(dir, options.name ?? 'test', nodes, binaries);
  cluster.writeTopology(cluster.topologyText(options.pki, options.healing));
  return cluster;
}

/** The same, gone when the test ends that this is the context of: what runs on takes CPU from the tests after it. */
export async function clusterOf(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  options: TestClusterOptions = {},
): Promise<TestCluster> {
  const cluster = await testCluster(options);
  onTestFinished(() => cluster.close());
  return cluster;
}

export class TestCluster {
  readonly stateDir: string;
  readonly topologyFile: string;

  constructor(
    readonly dir: string,
    readonly name: string,
    readonly nodes: readonly TestNode[],
    readonly binaries: EtcdBinaries,
  ) {
    this.stateDir = join(dir, 'coordinator');
    this.topologyFile = join(dir, 'cluster.yaml');
  }

  node(name: string): TestNode {
    const found = this.nodes.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  }

  topologyText(pki = '{ key: { algo: ecdsa, size: 256 } }', healing = '{}'): string {
    const nodes = this.nodes.map(
      ({ name, address, ports, dataDir }) =>
        `  - { name: ${name}, address: ${address}, agentPort: ${ports.agent}, clientPort: ${ports.client}, peerPort: ${ports.peer}, dataDir: ${dataDir} }`,
    );
    const etcd = 'etcd: { heartbeatInterval: 100, electionTimeout: 1000 }';
    return [`name: ${this.name}`, 'nodes:', ...nodes, etcd, `healing: ${healing}`, `pki: ${pki}`, ''].join(
      '\n',
    );
  }

  writeTopology(text: string): void {
    writeFileSync(this.topologyFile, text);
  }

  /** Runs `coordinator --state <stateDir> ...args` to its end. `stateDir` names another state. */
  coordinator(args: readonly string[], options: RunOptions & { stateDir?: string } = {}): Promise<Outcome> {
    return this.startCoordinator(args, options).ended;
  }

  /** The same, while it runs. */
  startCoordinator(args: readonly string[], options: RunOptions & { stateDir?: string } = {}): Running {
    return startProgram(
      programs.coordinator,
      ['--state', options.stateDir ?? this.stateDir, ...args],
      options,
    );
  }

  /** Runs a command that must succeed. Throws with all its output where it does not. */
  async must(args: readonly string[], options: RunOptions & { stateDir?: string } = {}): Promise<Outcome> {
    const outcome = await this.coordinator(args, options);
    if (outcome.code !== 0) throw new Error(`coordinator ${args.join(' ')} ${describeOutcome(outcome)}`);
    return outcome;
  }

  /**
   * `init`, a token for every node, put there, every agent started: all that comes before a bootstrap. What needs no process of its own
   * has none here, which saves a third of a second of CPU, hundreds of times; tests of these commands run them.
   */
  async prepare(): Promise<void> {
    const { init } = await offlineCommands();
    await init(this.context, this.topologyFile);
    await this.giveTokens();
    await this.startAgents();
  }

  /** A token for every named node (default: all), put there as `etcd-agent enrol` does. */
  async giveTokens(names: readonly string[] = this.nodes.map(({ name }) => name)): Promise<void> {
    const { token } = await offlineCommands();
    // One after the other: a coordinator command that changes the state holds its lock.
    for (const name of names) {
      const { table } = await token(this.context, name, { lifeMs: tokenLifeMs, replace: false });
      await this.node(name).keepJoinToken(table!);
    }
  }

  async startAgents(): Promise<void> {
    await Promise.all(this.nodes.filter(({ agentRuns }) => !agentRuns).map((node) => node.startAgent()));
  }

  /** `bootstrap --yes`, whatever it ends with. */
  bootstrap(...more: string[]): Promise<Outcome> {
    return this.coordinator(['bootstrap', '--yes', ...more]);
  }

  /** bootstrap.json of the state; undefined before there is one. */
  record(stateDir = this.stateDir): RecordView | undefined {
    try {
      return JSON.parse(readFileSync(join(stateDir, 'bootstrap.json'), 'utf8')) as RecordView;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** What `coordinator env` prints. */
  async etcdctlVariables(): Promise<Readonly<Record<string, string>>> {
    const { env } = await offlineCommands();
    const { document } = await env(this.context);
    return (document as unknown as { variables: Record<string, string> }).variables;
  }

  /** etcdctl of the cluster's own version, with the environment that `coordinator env` prints. */
  async etcdctl(args: readonly string[], endpoints = this.nodes): Promise<Outcome> {
    const env = {
      ...(await this.etcdctlVariables()),
      ...patientEtcdctl,
      ETCDCTL_ENDPOINTS: endpoints.map(({ clientURL }) => clientURL).join(','),
    };
    return runProgram(this.binaries.etcdctl, args, { env, timeoutMs: 90_000 });
  }

  /** Pids of every node's etcd, as the agents have them on record. */
  etcdPids(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries(this.nodes.map((node) => [node.name, node.etcdPid()]));
  }

  /** Every agent, then every etcd, by SIGKILL: all hosts lose their power. */
  async killEverything(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.endAgent()));
    await Promise.all(this.nodes.flatMap((node) => node.etcdPids()).map(killAndWait));
  }

  /** Keeps a copy of everything on disk as it is now; nothing may run. What `goBack` returns to. */
  remember(): void {
    for (const path of this.paths) copy(path, this.aside(path));
  }

  /** Ends every process and puts everything on disk back to what `remember` saw. */
  async goBack(): Promise<void> {
    await this.killEverything();
    for (const path of this.paths) copy(this.aside(path), path);
  }

  /** Ends everything of it now instead of at the end of the file. */
  close(): Promise<void> {
    return closeWorkspace(this.dir);
  }

  private get context() {
    return { stateDir: this.stateDir, progress: silentProgress };
  }

  /** All that a cluster writes, but for logs and configuration. */
  private get paths(): string[] {
    const ofNodes = this.nodes.flatMap((node) => [node.stateDir, node.runDir, node.dataDir, node.confDir]);
    return [this.stateDir, ...ofNodes];
  }

  private aside(path: string): string {
    return join(this.dir, 'remembered', relative(this.dir, path));
  }
}

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  if (existsSync(from)) cpSync(from, to, { recursive: true, preserveTimestamps: true });
}
