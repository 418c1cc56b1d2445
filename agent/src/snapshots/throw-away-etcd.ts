/**
 * An etcd of one member on a directory that is thrown away: it serves nobody but this agent, on loopback, behind
 * certificates that are made for it and never leave this process and that directory. Whoever is on this host cannot read in
 * it what the real cluster keeps from them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createAuthority, createRequest, generateKey, issue, readRequest } from '@etcd-agent/pki';
import { type Clock, type Files, freeLoopbackPorts, plainEnvironment } from '@etcd-agent/platform';

const key = { algo: 'ecdsa', size: 256 } as const;
/** Longer than any trial takes. */
const expiry = '24h';
/** The account that etcd's own access control always has, with all rights: the name in the certificate is the user. */
const user = 'root';

export interface Papers {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Made anew for every trial; `directory` gets them for etcd to read. */
export async function throwAwayPapers(files: Files, clock: Clock, directory: string): Promise<Papers> {
  const now = clock.now();
  const authority = await createAuthority({
    subject: { CN: 'trial restore', names: [] },
    key,
    expiry,
    now,
  });
  const own = await generateKey(key);
  const subject = { CN: user, names: [] };
  const { publicKey } = await readRequest(await createRequest({ key: own, subject, hosts: [] }));
  const cert = await issue({
    authority,
    publicKey,
    subject,
    hosts: ['127.0.0.1'],
    uris: [],
    usages: ['signing', 'server auth', 'client auth'],
    expiry,
    now,
  });
  const papers = { ca: authority.certificate, cert, key: own };
  for (const [name, text] of Object.entries(papers))
    await files.writeAtomic(join(directory, `${name}.pem`), text, { mode: 0o600 });
  return papers;
}

export interface ThrowAwayPlace {
  readonly etcd: string;
  readonly name: string;
  readonly directory: string;
  readonly dataDir: string;
  readonly quotaBytes: number;
}

export interface ThrowAwayEtcd {
  readonly endpoint: string;
  /** What it said last, once it has ended by itself. */
  readonly ended: () => string | undefined;
  kill(): Promise<void>;
}

/** The last words that are kept of it. */
const wordsCharsMax = 4_000;

/** Starts it; it is not ready yet. */
export async function startThrowAway(place: ThrowAwayPlace): Promise<ThrowAwayEtcd> {
  const [client, peer] = (await freeLoopbackPorts(2)) as [number, number];
  const endpoint = `https://127.0.0.1:${client}`;
  const child = spawn(place.etcd, argumentsOf(place, endpoint, `https://127.0.0.1:${peer}`), {
    // Nothing of the agent's own settings: etcd takes every ETCD_… for its own.
    env: { ...plainEnvironment },
    cwd: place.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-wordsCharsMax);
    });
  let end: string | undefined;
  child.once('error', (error) => {
    end = error.message;
  });
  child.once('close', (code, signal) => {
    end ??= `${signal ?? `exit ${code}`}: ${words.trim().split('\n').slice(-2).join(' / ')}`;
  });
  return { endpoint, ended: () => end, kill: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** Flags that all versions have had since 3.3. */
function argumentsOf(place: ThrowAwayPlace, client: string, peer: string): string[] {
  const paper = (name: string) => join(place.directory, `${name}.pem`);
  const papers = (prefix: string) => [
    `--${prefix}cert-file=${paper('cert')}`,
    `--${prefix}key-file=${paper('key')}`,
    `--${prefix}trusted-ca-file=${paper('ca')}`,
    `--${prefix}client-cert-auth`,
  ];
  return [
    `--name=${place.name}`,
    `--data-dir=${place.dataDir}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    // Alone it wins its election as soon as it holds one.
    '--heartbeat-interval=10',
    '--election-timeout=100',
    `--quota-backend-bytes=${place.quotaBytes}`,
    ...papers(''),
    ...papers('peer-'),
  ];
}
