/**
 * What this host is: facts that change rarely (read once) and cheap ones that are read anew each time. Of systeminformation only
 * the memory is taken, which it reads from a file. Its osInfo runs `hostname -f` and waits for the end of it: without a name
 * server that holds a program up for many seconds, just after a power cut.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os';
import { parseEnv } from 'node:util';
import { type FileSystemView, fileSystemOf } from './mounts.js';
import { currentBootId } from './processes.js';

export interface HostFacts {
  readonly hostname: string;
  readonly os: {
    readonly platform: string;
    /** E.g. `Debian GNU/Linux`. */
    readonly distro: string;
    /** E.g. `12`. */
    readonly release: string;
    readonly kernel: string;
    /** Node's name for it: `x64`, `arm64`. */
    readonly arch: string;
  };
  readonly memoryBytes: number;
  /** CPUs that this process may use. */
  readonly cpus: number;
  readonly bootId: string;
  /** From the CPU's own flag; `unknown` where the CPU has no such flag. */
  readonly virtual: 'yes' | 'no' | 'unknown';
}

export interface MemoryFacts {
  readonly totalBytes: number;
  /** What programs can have before something is swapped out. */
  readonly availableBytes: number;
  readonly swapUsedBytes: number;
}

export interface LocalAddress {
  /** Without scope and prefix length. */
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly interface: string;
  /** Loopback. */
  readonly internal: boolean;
}

/** This process. CPU times are totals since its start, milliseconds. */
export interface SelfUsage {
  readonly rssBytes: number;
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  readonly uptimeMs: number;
}

/** How much of the last ten seconds some task waited for a disk, in percent (pressure stall information). */
export type IoPressure =
  | { readonly kind: 'known'; readonly someAvg10: number }
  | { readonly kind: 'unknown' };

/** What is asked of a host besides its files and services; the simulated world has its own. */
export interface Host {
  hostFacts(): Promise<HostFacts>;
  localAddresses(): readonly LocalAddress[];
  selfUsage(): SelfUsage;
  fileSystemOf(path: string): Promise<FileSystemView>;
  ioPressure(): Promise<IoPressure>;
  /** The kernel's id of this boot. */
  bootId(): Promise<string>;
}

let remembered: Promise<HostFacts> | undefined;

/** Read once per process; a failed reading is tried again at the next call. */
export function hostFacts(): Promise<HostFacts> {
  remembered ??= readFacts().catch((error: unknown) => {
    remembered = undefined;
    throw error;
  });
  return remembered;
}

/** Every address of every interface that is up. */
export function localAddresses(): readonly LocalAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, family, internal }) => ({
      address,
      family,
      interface: name,
      internal,
    })),
  );
}

export function selfUsage(): SelfUsage {
  const cpu = process.cpuUsage();
  return {
    rssBytes: process.memoryUsage.rss(),
    cpuUserMs: cpu.user / 1000,
    cpuSystemMs: cpu.system / 1000,
    uptimeMs: process.uptime() * 1000,
  };
}

/** Unknown where the kernel does not keep it (before 4.20, or switched off). Never rejects. */
export async function ioPressure(): Promise<IoPressure> {
  return parseIoPressure(await readFile('/proc/pressure/io', 'utf8').catch(() => ''));
}

/** Reads the line `some avg10=1.53 avg60=… total=…`. */
export function parseIoPressure(text: string): IoPressure {
  const someAvg10 = /^some avg10=(\d+(?:\.\d+)?) /m.exec(text)?.[1];
  return someAvg10 === undefined ? { kind: 'unknown' } : { kind: 'known', someAvg10: Number(someAvg10) };
}

export const linuxHost: Host = {
  hostFacts,
  localAddresses,
  selfUsage,
  fileSystemOf,
  ioPressure,
  bootId: currentBootId,
};

/** As it is now. */
export async function memoryFacts(): Promise<MemoryFacts> {
  const { default: information } = await import('systeminformation');
  const { total, available, swapused } = await information.mem();
  return { totalBytes: total, availableBytes: available, swapUsedBytes: swapused };
}

async function readFacts(): Promise<HostFacts> {
  const [distribution, bootId, virtual] = await Promise.all([readOsRelease(), currentBootId(), isVirtual()]);
  return {
    hostname: hostname(),
    os: { platform: process.platform, ...distribution, kernel: release(), arch: process.arch },
    memoryBytes: totalmem(),
    cpus: availableParallelism(),
    bootId,
    virtual,
  };
}

type Distribution = Pick<HostFacts['os'], 'distro' | 'release'>;

async function readOsRelease(): Promise<Distribution> {
  const text = await readFile('/etc/os-release', 'utf8')
    .catch(() => readFile('/usr/lib/os-release', 'utf8'))
    .catch(() => '');
  return parseOsRelease(text);
}

/** Reads the lines of os-release(5). What is not there is `unknown`; a rolling release has its code name, or nothing. */
export function parseOsRelease(text: string): Distribution {
  const { NAME, VERSION_ID, VERSION_CODENAME } = parseEnv(text);
  return { distro: NAME || 'unknown', release: VERSION_ID || VERSION_CODENAME || 'unknown' };
}

async function isVirtual(): Promise<HostFacts['virtual']> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1];
  if (flags === undefined) {
    return 'unknown';
  }
  return flags.split(' ').includes('hypervisor') ? 'yes' : 'no';
}
