/**
 * One host: a real systemd as process 1 over a copy-on-write layer of the root file system, in its own namespaces.
 * Switching it off and on again keeps the layer, as a disk is kept.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cgroupOf, frozen } from './cgroups.js';
import { type CommandOptions, cleanEnvironment, describe, type Output, run, until } from './commands.js';
import { Disk } from './disk.js';
import type { LayerName } from './layers.js';
import {
  checkout,
  checkoutInHost,
  type HostName,
  hostAddresses,
  namespaceOf,
  nodeInHost,
  runDir,
} from './places.js';

/** An idle machine needs a second. */
const bootMsMax = 180_000;
/** systemd's own patience with a service that does not stop is 90 s. */
const shutDownMsMax = 120_000;

/** What a host has when it is first switched on, beside the distribution. */
export interface Equipment {
  /** Over the distribution, the lowest first. */
  readonly layers: readonly LayerName[];
  /**
   * Whether this checkout is seen on it: `program`: it is the etcd-agent of the host, run by this machine's Node as `node`;
   * `aside`: tests may run parts of it; `no`: there is nothing of this machine.
   */
  readonly checkout: 'program' | 'aside' | 'no';
}

/** The product from this checkout, without its package: what was changed a moment ago runs at once. */
export const fromCheckout: Equipment = { layers: [], checkout: 'program' };

/** The product as users have it. */
export const fromPackage: Equipment = { layers: ['agent'], checkout: 'no' };

interface Running {
  readonly nspawn: ChildProcess;
  readonly ended: Promise<void>;
  /** Process 1 of the host, as this machine counts. */
  readonly firstPid: number;
}

export class Host {
  readonly address: string;
  private readonly home: string;
  private readonly disk: Disk;
  private running: Running | undefined;

  /** `lower`: root file systems, the uppermost first. `prepare` puts on a fresh disk what the test wants to be there before the first boot. */
  private constructor(
    readonly name: HostName,
    lower: string,
    private readonly equipment: Equipment,
    private readonly prepare: (host: Host) => void,
  ) {
    this.address = hostAddresses[name];
    this.home = join(runDir, name);
    this.disk = new Disk(this.home, lower);
  }

  /** A host that was never booted, with nothing of ours configured. */
  static async create(
    name: HostName,
    lower: string,
    equipment: Equipment,
    prepare: (host: Host) => void,
  ): Promise<Host> {
    const host = new Host(name, lower, equipment, prepare);
    await host.reinstall();
    return host;
  }

  /** A host with the disk that a copy holds, and an address of its own. */
  static async clone(name: HostName, lower: string, equipment: Equipment, copy: string): Promise<Host> {
    const host = new Host(name, lower, equipment, () => {});
    await host.disk.restoreFrom(copy);
    return host;
  }

  /** The host, which is off, is given a fresh disk. */
  async reinstall(): Promise<void> {
    await this.disk.makeFresh();
    // Without one systemd would see a first boot and enable whatever the release enables by default.
    this.write('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
    this.write('/etc/hostname', `${this.name}\n`);
    this.write('/etc/hosts', `127.0.0.1 localhost\n${this.address} ${this.name}\n`);
    if (this.equipment.checkout === 'program')
      symlinkSync(`${checkoutInHost}/agent/bin/etcd-agent.js`, this.path('/usr/bin/etcd-agent'));
    this.prepare(this);
  }

  /** A copy of its disk as it is at one moment, for `restoreDisk` or a clone. */
  async copyDisk(to: string): Promise<void> {
    const copy = () => this.disk.copyTo(to);
    await (this.isRunning ? frozen(this.name, copy) : copy());
  }

  /** The host, which is off, has the disk of that copy. */
  restoreDisk(copy: string): Promise<void> {
    return this.disk.restoreFrom(copy);
  }

  /** A path of the host, as seen from this machine. */
  path(inHost: string): string {
    return join(this.disk.root, inHost);
  }

  /** A path of the host that does not outlive a boot, such as one below /run. The host is on. */
  runPath(inHost: string): string {
    return join('/proc', String(this.mustRun().firstPid), 'root', inHost);
  }

  write(inHost: string, text: string): void {
    mkdirSync(dirname(this.path(inHost)), { recursive: true });
    writeFileSync(this.path(inHost), text);
  }

  /** Resolves when systemd has reached its default target. */
  async boot(): Promise<void> {
    const console = openSync(join(this.home, 'console.log'), 'a');
    // Should this process die without closing the lab, SIGTERM lets systemd-nspawn shut its host down.
    const enterOwnCgroup = 'echo $$ > "$0/cgroup.procs" && exec setpriv --pdeathsig TERM systemd-nspawn "$@"';
    const nspawn = spawn('sh', ['-c', enterOwnCgroup, cgroupOf(this.name), ...this.nspawnArguments()], {
      stdio: ['ignore', console, console],
      env: { ...cleanEnvironment, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
      // Ctrl-C in the terminal is for the test, which then switches its hosts off.
      detached: true,
    });
    closeSync(console);
    const ended = new Promise<void>((resolve) => {
      nspawn.once('error', () => resolve());
      nspawn.once('close', () => resolve());
    });
    const firstPid = await until(`${this.name} boots`, bootMsMax, async () => {
      if (nspawn.pid === undefined || nspawn.exitCode !== null || nspawn.signalCode !== null) {
        throw new Error(`${this.name} does not boot: systemd-nspawn ended\n${this.console()}`);
      }
      const pid = firstProcessUnder(nspawn.pid);
      return pid === undefined ? { notYet: this.console() } : { value: pid };
    });
    this.running = { nspawn, ended, firstPid };
    await until(`${this.name} reaches its target`, bootMsMax, async () => {
      const { stdout, stderr } = await this.run('systemctl', 'is-system-running', '--wait');
      const state = stdout.trim();
      // Degraded: some housekeeping of the distribution did not like its container. Our units are the tests' business.
      return ['running', 'degraded'].includes(state) ? { value: state } : { notYet: `${state} ${stderr}` };
    });
  }

  /** The plug is pulled: every process of the host is gone at once, nothing is told. */
  async powerCut(): Promise<void> {
    const { firstPid, ended } = this.mustRun();
    process.kill(firstPid, 'SIGKILL');
    await ended;
    this.running = undefined;
  }

  /** An orderly shutdown. */
  async shutDown(): Promise<void> {
    const { ended } = this.mustRun();
    await this.run('systemctl', 'poweroff', '--no-block');
    const timer = new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`${this.name} does not shut down`)), shutDownMsMax).unref();
    });
    await Promise.race([ended, timer]);
    this.running = undefined;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Runs a program in the host, whatever its exit status. */
  run(program: string, ...args: string[]): Promise<Output> {
    return this.runWith({}, program, ...args);
  }

  runWith(options: CommandOptions, program: string, ...args: string[]): Promise<Output> {
    const { firstPid } = this.mustRun();
    return run('nsenter', ['--target', String(firstPid), '--all', '--', program, ...args], options);
  }

  /** Runs a program in the host that must succeed; returns its stdout without the final line feed. */
  async must(program: string, ...args: string[]): Promise<string> {
    const output = await this.run(program, ...args);
    if (output.code !== 0) throw new Error(`on ${this.name}: ${describe([program, ...args], output)}`);
    return output.stdout.trimEnd();
  }

  /** What the host wrote to its console. */
  console(): string {
    return readFileSync(join(this.home, 'console.log'), 'utf8').split('\n').slice(-20).join('\n');
  }

  private nspawnArguments(): string[] {
    const machine = namespaceOf(this.name);
    return [
      '--quiet',
      '--boot',
      `--directory=${this.disk.root}`,
      `--machine=${machine}`,
      `--hostname=${this.name}`,
      // This machine's own systemd, where it has one, is not told: it may have none.
      '--register=no',
      '--keep-unit',
      `--network-namespace-path=/run/netns/${machine}`,
      ...(this.equipment.checkout === 'program' ? [`--bind-ro=${process.execPath}:/usr/bin/node`] : []),
      ...(this.equipment.checkout === 'no'
        ? []
        : [`--bind-ro=${process.execPath}:${nodeInHost}`, `--bind-ro=${checkout}:${checkoutInHost}:norbind`]),
      '--resolv-conf=off',
      '--console=pipe',
    ];
  }

  private mustRun(): Running {
    if (this.running === undefined) throw new Error(`${this.name} is switched off`);
    return this.running;
  }
}

/** systemd-nspawn has one child; it is process 1 once it has become systemd. */
function firstProcessUnder(nspawn: number): number | undefined {
  try {
    const [pid] = readFileSync(`/proc/${nspawn}/task/${nspawn}/children`, 'utf8').trim().split(' ');
    if (pid === undefined || pid === '') return undefined;
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd' ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}
