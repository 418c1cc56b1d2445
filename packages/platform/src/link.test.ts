import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LinkChannel, LinkLimits } from './link-channel.js';
import { DialError, type DialOptions, dialLink } from './link-client.js';
import { type Admission, type Arrival, type LinkServer, listenLink } from './link-server.js';

const limits: LinkLimits = {
  frameBytesMax: 64 * 1024,
  handshakeMsMax: 10_000,
  bufferedBytesMax: 256 * 1024,
  connectionsMax: 4,
  pingMs: 100,
};
/** Where a test waits for that limit. */
const impatient: LinkLimits = { ...limits, handshakeMsMax: 2_000 };

let dir: string;
interface Pair {
  certificate: string;
  key: string;
}
let ca: Pair;
let other: Pair;
let server: Pair;
let client: Pair;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'link-'));
  ca = selfSigned('ca');
  other = selfSigned('other');
  server = signed('server', 'ca');
  client = signed('client', 'ca');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let running: LinkServer | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

describe('a link', () => {
  it('carries frames both ways and gives both ends the same exported key', async () => {
    const { arrived } = await serve();
    const channel = await dialLink(options());
    const remote = await arrived;
    expect(channel.exportKey('EXPORTER-test', 32)).toEqual(remote.exportKey('EXPORTER-test', 32));
    const heard = new Promise<string>((resolve) => remote.onFrame(resolve));
    channel.send('hello');
    expect(await heard).toBe('hello');
    const answer = new Promise<string>((resolve) => channel.onFrame(resolve));
    remote.send('welcome');
    expect(await answer).toBe('welcome');
    expect(remote.remoteAddress).toBe('127.0.0.1');
    channel.close(1000, '');
  });

  it('gives two connections different exported keys, so that a relay is seen', async () => {
    await serve();
    const first = await dialLink(options());
    const second = await dialLink(options());
    expect(first.exportKey('EXPORTER-test', 32)).not.toEqual(second.exportKey('EXPORTER-test', 32));
  });

  it('stays open while pings are answered and ends when the listener goes', async () => {
    const { arrived } = await serve();
    const channel = await dialLink(options());
    await arrived;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const closed = new Promise<number>((resolve) => channel.onClose((code) => resolve(code)));
    await running!.close();
    expect(await closed).toBe(1006);
  });

  it('ends a connection whose frame is too large, at the listener', async () => {
    const { arrived } = await serve();
    const channel = await dialLink(options());
    await arrived;
    const closed = new Promise<number>((resolve) => channel.onClose((code) => resolve(code)));
    channel.send('x'.repeat(limits.frameBytesMax + 1));
    expect(await closed).toBe(1009);
  });
});

describe('a dial says where it ended', () => {
  it('connect: nobody listens', async () => {
    const error = await failure(dialLink({ ...options(), port: 1 }));
    expect(error).toMatchObject({ stage: 'connect', code: 'ECONNREFUSED' });
  });

  it('tls: the listener has a certificate of another CA', async () => {
    await serve();
    const error = await failure(
      dialLink({ ...options(), trust: { kind: 'ca', ca: other.certificate, accept: () => undefined } }),
    );
    expect(error.stage).toBe('tls');
  });

  it('identity: the certificate is genuine but somebody else', async () => {
    await serve();
    const trust = { kind: 'ca', ca: ca.certificate, accept: () => 'this is etcd9' } as const;
    expect(await failure(dialLink({ ...options(), trust }))).toMatchObject({
      stage: 'identity',
      message: 'this is etcd9',
    });
  });

  it('refused: the listener does not verify the client and says so', async () => {
    await serve();
    const error = await failure(dialLink({ ...options(), certificate: other.certificate, key: other.key }));
    expect(error).toMatchObject({ stage: 'refused', status: 401 });
  });

  it('refused: another subprotocol', async () => {
    await serve();
    const error = await failure(dialLink({ ...options(), subprotocol: 'etcd-agent.link.v0' }));
    expect(error).toMatchObject({ stage: 'refused', status: 401 });
  });

  it('timeout: the port accepts and then says nothing', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const began = performance.now();
    const error = await failure(
      dialLink({ ...options(), port, limits: { ...limits, handshakeMsMax: 5_000 } }),
    );
    expect(error.stage).toBe('timeout');
    // Once, and not once more for every part of the handshake.
    expect(performance.now() - began).toBeLessThan(9_900);
    silent.close();
  });
});

it('a listener that takes a new identity shows it to the next caller', async () => {
  await serve();
  const renewed = signed('server2', 'ca');
  running!.replaceIdentity({ ...renewed, trustedCa: ca.certificate });
  const channel = await dialLink(options());
  expect(channel.peerCertificate?.toString('base64')).toBe(
    renewed.certificate.replace(/-----[^-]+-----|\s/g, ''),
  );
});

it('a client that never finishes the handshake is dropped in bounded time', async () => {
  await serve(impatient);
  const socket = connectTcp(running!.port, '127.0.0.1');
  const began = Date.now();
  await new Promise((resolve) => socket.once('close', resolve).resume());
  expect(Date.now() - began).toBeLessThan(impatient.handshakeMsMax + 30_000);
});

/** Starts the listener; `arrived` is the first channel that it admits. */
async function serve(bounds = limits): Promise<{ arrived: Promise<LinkChannel> }> {
  let arrive: (channel: LinkChannel) => void;
  const arrived = new Promise<LinkChannel>((resolve) => {
    arrive = resolve;
  });
  const admit = (arrival: Arrival): Admission =>
    arrival.verified.kind === 'yes'
      ? { kind: 'admit', subprotocol: 'etcd-agent.link.v1', serve: (channel) => arrive(channel) }
      : { kind: 'refuse', status: 401, reason: arrival.verified.why };
  running = await listenLink({
    host: '127.0.0.1',
    port: 0,
    identity: { ...server, trustedCa: ca.certificate },
    limits: bounds,
    admit,
  });
  return { arrived };
}

function options(): DialOptions {
  return {
    host: '127.0.0.1',
    port: running?.port ?? 0,
    path: '/link',
    subprotocol: 'etcd-agent.link.v1',
    ...client,
    trust: { kind: 'ca', ca: ca.certificate, accept: () => undefined },
    limits,
  };
}

async function failure(dial: Promise<unknown>): Promise<DialError> {
  try {
    await dial;
  } catch (error) {
    if (error instanceof DialError) return error;
    throw error;
  }
  throw new Error('the dial succeeded');
}

function selfSigned(name: string): Pair {
  openssl('req', '-x509', ...newKey(name), '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`);
  return read(name);
}

function signed(name: string, by: string): Pair {
  openssl('req', ...newKey(name), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${by}.pem`,
    '-CAkey',
    `${by}-key.pem`,
    '-CAcreateserial',
    '-days',
    '2',
    '-out',
    `${name}.pem`,
  );
  return read(name);
}

function newKey(name: string): string[] {
  return [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    `${name}-key.pem`,
  ];
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

function read(name: string): Pair {
  return {
    certificate: readFileSync(join(dir, `${name}.pem`), 'utf8'),
    key: readFileSync(join(dir, `${name}-key.pem`), 'utf8'),
  };
}
