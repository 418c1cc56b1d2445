/** Only for tests: real etcd binaries, and processes of them that are started and stopped by pid within bounded time. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

/** The etcd of one version, with its own etcdctl. Absolute paths. */
export interface EtcdBinary {
  readonly version: string;
  readonly etcd: string;
  readonly etcdctl: string;
}

const indexFile = fileURLToPath(new URL('../../../../.cache/etcd/index.json', import.meta.url));

/** The binary of exactly that version. Throws when the set-up has not fetched it: a test must not pass without. */
export function etcdBinary(version: string): EtcdBinary {
  let found: EtcdBinary | undefined;
  try {
    const index = JSON.parse(readFileSync(indexFile, 'utf8')) as EtcdBinary[];
    found = index.find((each) => each.version === version);
  } catch {
    // No index is the same to the reader of the message as an index without this version.
  }
  if (found === undefined) {
    throw new Error(`no etcd ${version} listed in ${indexFile}: run \`node scripts/setup.mjs --test\``);
  }
  return found;
}

/** One running etcd. `log` grows while it runs. */
export class EtcdProcess {
  log = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;

  /** Starts etcd with these variables and no others of etcd's. */
  constructor(binary: EtcdBinary, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
    this.child = spawn(binary.etcd, args, {
      env: { PATH: '/usr/bin:/bin', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.child, 'exit');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
  }

  /** Resolves with the exit code when it exits by itself, or rejects after `timeoutMs`. */
  async exit(timeoutMs: number): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.exited, timeout]);
    clearTimeout(timer);
    if (!this.hasExited())
      throw new Error(`etcd with pid ${this.child.pid} has not exited within ${timeoutMs} ms`);
    return this.child.exitCode;
  }

  /** Kills it. What it leaves behind is thrown away, so nothing is waited for but the exit, up to 30 s. */
  async stop(): Promise<void> {
    if (this.hasExited()) return;
    this.child.kill('SIGKILL');
    await this.exit(30_000);
  }

  private hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}

/** Test files that run at the same time have ports of their own. */
const portsOfWorker = 2_700;
const lowest = 21_000 + portsOfWorker * ((Number(process.env.VITEST_POOL_ID ?? 1) - 1) % 4);

/** Ports on 127.0.0.1 that were free a moment ago, below the range that the kernel hands out by itself. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count && tries < 500; tries++) {
    const port = lowest + Math.floor(Math.random() * portsOfWorker);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  if (ports.size < count) throw new Error(`fewer than ${count} free ports found`);
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
