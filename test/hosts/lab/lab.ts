/**
 * Real hosts on one machine, three of them or five, as systemd containers with the runbook's addresses, and a place beside them for the
 * coordinator. Needs root on a Debian 12 whose kernel lets it: where it cannot be had, it says why.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { acquireExclusive, type ExclusiveLock, HeldError } from '@etcd-agent/platform';
import { makeCgroups } from './cgroups.js';
import { type CommandOptions, must, type Output, run, until } from './commands.js';
import { type Equipment, fromCheckout, Host } from './host.js';
import { layered } from './layers.js';
import { removeLeftovers } from './leftovers.js';
import { makeNetwork } from './network.js';
import { bay, cache, checkout, type HostName, hostNames, labNamespace, runDir } from './places.js';
import { rootFileSystem } from './root-file-system.js';

export type LabOpening =
  | { readonly kind: 'open'; readonly lab: Lab }
  /** This machine cannot run hosts. */
  | { readonly kind: 'unable'; readonly why: string };

/** Programs of the lab and the Debian package of each. */
const tools = {
  'systemd-nspawn': 'systemd-container',
  debootstrap: 'debootstrap',
  ip: 'iproute2',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  ssh: 'openssh-client',
  nft: 'nftables',
};
const installMsMax = 180_000;
/** Two labs that begin at once wait for each other a little. */
const tellAfterMs = 5_000;
/** The longest story of somebody else, with a root file system or packages to make. */
const turnMsMax = 900_000;

/** No reason to skip anything: the machine can run hosts. What they would run, or what an earlier run has left, is to be mended. */
class LabFault extends Error {
  override readonly name = 'LabFault';
}

export interface LabOptions {
  /** The runbook's three, if not said. */
  readonly names?: readonly HostName[];
  /** What each host has when it is first switched on: this checkout, if not said. */
  readonly equip?: (name: HostName) => Equipment;
}

/** Boots hosts, `prepare` having been called on each before it was first switched on. */
export async function openLab(
  prepare: (host: Host) => void,
  { names = hostNames, equip = () => fromCheckout }: LabOptions = {},
): Promise<LabOpening> {
  const lacking = whatLacks();
  if (lacking !== undefined) return { kind: 'unable', why: lacking };
  mkdirSync(cache, { recursive: true });
  const lock = await waitForTurn(bay.lockFile, 'hosts tests');
  let lab: Lab | undefined;
  try {
    lab = new Lab(lock, await whatIsKept(), equip);
    await removeLeftovers(bay).catch((cause: Error) => {
      const next = `next: look at what uses ${runDir}, at ip netns list and at /proc/mounts`;
      throw new LabFault(`an earlier run of the lab cannot be removed: ${cause.message}\n${next}`, { cause });
    });
    await makeCgroups();
    await makeNetwork();
    await lab.boot(names, (host) => prepared(host, prepare));
    return { kind: 'open', lab };
  } catch (error) {
    // Why it cannot be opened is what matters, not that it cannot be closed either.
    await (lab === undefined ? lock.release() : lab.close()).catch(() => {});
    if (error instanceof LabFault) throw error;
    return { kind: 'unable', why: (error as Error).message.replace(/\s+/g, ' ') };
  }
}

export class Lab {
  private readonly made: Host[] = [];
  private readonly clones: Host[] = [];

  constructor(
    private readonly lock: ExclusiveLock,
    private readonly root: string,
    private readonly equip: (name: HostName) => Equipment,
  ) {}

  get hosts(): readonly Host[] {
    return this.made;
  }

  /** Where the operator's coordinator keeps its state. */
  readonly stateDir = join(runDir, 'coordinator');

  host(name: HostName): Host {
    const found = this.made.find((host) => host.name === name);
    if (found === undefined) throw new Error(`there is no host ${name}`);
    return found;
  }

  async boot(names: readonly HostName[], prepare: (host: Host) => void): Promise<void> {
    for (const name of names) {
      const equipment = this.equip(name);
      this.made.push(await Host.create(name, await this.below(equipment), equipment, prepare));
    }
    await Promise.all(this.made.map((host) => host.boot()));
  }

  /** Another machine with the disk that a copy holds, in the place of a host that this lab does not have. It is off. */
  async clone(copy: string, name: HostName): Promise<Host> {
    const equipment = this.equip(name);
    const clone = await Host.clone(name, await this.below(equipment), equipment, copy);
    this.clones.push(clone);
    return clone;
  }

  private below({ layers }: Equipment): Promise<string> {
    return oneAtATime(() =>
      layered(this.root, layers).catch((cause: Error) => {
        if (!layers.includes('agent')) throw cause;
        throw new LabFault(`hosts cannot be given the package etcd-agent: ${cause.message}`, { cause });
      }),
    );
  }

  /** Runs the real `coordinator` on a network that reaches the hosts and nothing else. */
  coordinator(args: readonly string[], options: CommandOptions = {}): Promise<Output> {
    const program = join(checkout, 'coordinator', 'bin', 'coordinator.js');
    const words = ['--state', this.stateDir, ...args];
    return run('ip', ['netns', 'exec', labNamespace, process.execPath, program, ...words], {
      timeoutMs: 120_000,
      ...options,
    });
  }

  /** Switches everything off and removes every trace but the root file system. */
  async clear(): Promise<void> {
    await Promise.all(
      [...this.made, ...this.clones].filter((host) => host.isRunning).map((host) => host.powerCut()),
    );
    await removeLeftovers(bay);
  }

  /** After it another run may open its lab. */
  async close(): Promise<void> {
    await this.clear();
    await this.lock.release();
  }
}

function prepared(host: Host, prepare: (host: Host) => void): void {
  try {
    prepare(host);
  } catch (cause) {
    throw new LabFault(`${host.name} cannot be prepared: ${(cause as Error).message}`, { cause });
  }
}

/** The tools, and the root file system, whose path it returns. */
function whatIsKept(): Promise<string> {
  return oneAtATime(async () => {
    await installTools();
    return rootFileSystem();
  });
}

/** What labs of all bays share is made by one of them. */
async function oneAtATime<T>(make: () => Promise<T>): Promise<T> {
  const lock = await waitForTurn(join(cache, 'making'), 'making what hosts begin from');
  try {
    return await make();
  } finally {
    await lock.release();
  }
}

/** The names are the bay's: one lab at a time. */
async function waitForTurn(lockFile: string, purpose: string): Promise<ExclusiveLock> {
  const beganMs = performance.now();
  let told = false;
  return until('another run of the hosts tests ends', turnMsMax, async () => {
    try {
      return { value: await acquireExclusive(lockFile, purpose) };
    } catch (error) {
      if (!(error instanceof HeldError)) throw error;
      const isLong = performance.now() - beganMs > tellAfterMs;
      if (isLong && !told) process.stderr.write(`hosts: waiting: ${error.message}\n`);
      told ||= isLong;
      return { notYet: error.message };
    }
  });
}

function whatLacks(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root: network namespaces, mounts and systemd-nspawn';
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID=debian$/m.test(release) || !/^VERSION_ID="?12"?$/m.test(release))
    return 'it needs Debian 12: the hosts are made from its packages, etcd 3.4 among them';
  return undefined;
}

async function installTools(): Promise<void> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(tools)) {
    if ((await run('which', [program])).code !== 0) missing.add(name);
  }
  if (missing.size === 0) return;
  process.stderr.write(`hosts: installing ${[...missing].join(', ')}\n`);
  await must('apt-get', ['update', '-q'], { timeoutMs: installMsMax });
  await must('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], {
    timeoutMs: installMsMax,
  });
}
