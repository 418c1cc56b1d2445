/** One host of a test cluster: its directory, its agent as a process, its etcd as the process that the agent started. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentCore } from '@etcd-agent/agent';
import { acceptsConnections, linuxFiles } from '@etcd-agent/platform';
import { isRunning, kill, killAndWait, processesOf } from './process-table.js';
import { type Outcome, programs, type RunOptions, runProgram } from './programs.js';
import { waitFor } from './wait.js';

export interface NodePorts {
  readonly agent: number;
  readonly client: number;
  readonly peer: number;
}

export class TestNode {
  readonly dir: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly dataDir: string;
  readonly confDir: string;
  readonly configFile: string;
  readonly logFile: string;
  private agent: number | undefined;
  private listensOn = '';

  constructor(
    parent: string,
    readonly name: string,
    readonly ports: NodePorts,
    /** The etcd binary that the agent is configured with. */
    readonly etcd: string,
    readonly address = '127.0.0.1',
  ) {
    this.dir = join(parent, name);
    this.stateDir = join(this.dir, 'agent');
    this.runDir = join(this.dir, 'run');
    this.dataDir = join(this.dir, 'data');
    this.confDir = join(this.dir, 'etc');
    this.configFile = join(this.dir, 'agent.yaml');
    this.logFile = join(this.dir, 'agent.log');
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    this.configure({});
  }

  get clientURL(): string {
    return `https://${this.address}:${this.ports.client}`;
  }

  get peerURL(): string {
    return `https://${this.address}:${this.ports.peer}`;
  }

  /** Writes agent.yaml; `change` overrides single settings. */
  configure(change: Readonly<Record<string, string>>): void {
    const settings = {
      listen: `${this.address}:${this.ports.agent}`,
      stateDir: this.stateDir,
      runDir: this.runDir,
      serviceManager: 'process',
      etcdBinary: this.etcd,
      etcdConfigDir: this.confDir,
      etcdUser: '""',
      logLevel: 'debug',
      ...change,
    };
    const [host] = settings.listen.split(':') as [string];
    // Whatever else it listens on by a test's wish, nothing outside this machine is dialled for it.
    this.listensOn = host.startsWith('127.') ? host : this.address;
    const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}`);
    writeFileSync(this.configFile, `${lines.join('\n')}\n`);
  }

  async keepJoinToken(text: string): Promise<void> {
    const { configSchema, pathsOf, Store } = await agentCore();
    const { stateDir, runDir } = this;
    const store = new Store(linuxFiles, pathsOf(configSchema.parse({ stateDir, runDir })));
    await store.prepare();
    await store.keepJoinToken(text);
  }

  /** Starts the agent and returns when it listens. `env` is added to its environment. */
  async startAgent(env: Readonly<Record<string, string>> = {}): Promise<number> {
    if (this.agent !== undefined && isRunning(this.agent)) throw new Error(`the agent of ${this.name} runs`);
    const log = openSync(this.logFile, 'a', 0o600);
    try {
      const child = spawn(process.execPath, [programs.agent, 'run', '--config', this.configFile], {
        stdio: ['ignore', log, log],
        env: { PATH: process.env.PATH, HOME: this.dir, ...env },
      });
      child.unref();
      this.agent = child.pid!;
    } finally {
      closeSync(log);
    }
    const pid = this.agent;
    await waitFor(
      `the agent of ${this.name} to listen`,
      async () => {
        if (!isRunning(pid)) throw new Error(`the agent of ${this.name} ended:\n${this.agentLog()}`);
        return acceptsConnections(this.listensOn, this.ports.agent, 1_000);
      },
      30_000,
    );
    return pid;
  }

  /** Throws where the agent was never started. */
  get agentPid(): number {
    if (this.agent === undefined) throw new Error(`the agent of ${this.name} was never started`);
    return this.agent;
  }

  get agentRuns(): boolean {
    return this.agent !== undefined && isRunning(this.agent);
  }

  /** SIGKILL by default: what a power cut leaves of the process. etcd goes on. */
  async endAgent(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.agent === undefined) return;
    kill(this.agent, signal);
    const pid = this.agent;
    await waitFor(`the end of the agent of ${this.name}`, () => !isRunning(pid), 20_000, 5);
  }

  pauseAgent(): void {
    kill(this.agentPid, 'SIGSTOP');
  }

  resumeAgent(): void {
    kill(this.agentPid, 'SIGCONT');
  }

  /** Runs another command of the agent program: enrol, status. */
  agentCommand(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return runProgram(programs.agent, ['--config', this.configFile, ...args], options);
  }

  /** Pid of the etcd that the agent has on record, where it runs. */
  etcdPid(): number | undefined {
    if (!existsSync(join(this.stateDir, 'process.json'))) return undefined;
    const { child } = JSON.parse(readFileSync(join(this.stateDir, 'process.json'), 'utf8')) as {
      child: { kind: string; identity?: { pid: number } };
    };
    const pid = child.identity?.pid;
    return pid !== undefined && isRunning(pid) ? pid : undefined;
  }

  /** Pids of all etcd processes on this node's data dir, whoever remembers them. */
  etcdPids(): number[] {
    return processesOf(this.dir)
      .filter(({ dataDir }) => dataDir === this.dataDir)
      .map(({ pid }) => pid);
  }

  async killEtcd(): Promise<void> {
    const pid = this.etcdPid();
    if (pid === undefined) throw new Error(`no etcd of ${this.name} runs`);
    await killAndWait(pid);
  }

  agentLog(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** The text of a file under the node's directory; undefined where it is missing. */
  read(...path: string[]): string | undefined {
    const file = join(this.dir, ...path);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  /** A value of etcd.conf, such as that of `ETCD_INITIAL_CLUSTER_STATE`. */
  confValue(name: string): string | undefined {
    return new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(this.read('etc', 'etcd.conf') ?? '')?.[1];
  }
}
