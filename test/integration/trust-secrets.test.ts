/** A whole enrolment and bootstrap, and then a search for what must not be anywhere: keys and the secrets of tokens. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { decodeToken, linkPaths, subprotocols } from '@etcd-agent/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  describeOutcome,
  dialRaw,
  freePorts,
  type Outcome,
  papersOfCoordinator,
  relay,
  type TestCluster,
  testCluster,
} from '../support/index.js';

let cluster: TestCluster;
const outcomes: Outcome[] = [];
const secrets: string[] = [];

beforeAll(async () => {
  cluster = await testCluster();
  outcomes.push(await cluster.must(['init', '-f', cluster.topologyFile]));
  for (const node of cluster.nodes) {
    const token = await cluster.must(['token', node.name]);
    const reading = decodeToken(token.stdout);
    if (reading.kind !== 'ok') throw new Error(reading.why);
    secrets.push(reading.token.secret, token.stdout.trim());
    outcomes.push({ ...token, stdout: '' });
    outcomes.push(await node.agentCommand(['enrol', '--token-file', '-'], { stdin: token.stdout }));
  }
  await cluster.startAgents();
  const debug = { env: { COORDINATOR_DEBUG: '1' } };
  for (const args of [
    ['bootstrap', '--yes'],
    ['status'],
    ['status', '-o', 'json'],
    ['env'],
    ['health', '-o', 'yaml'],
  ]) {
    const outcome = await cluster.coordinator(args, debug);
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    outcomes.push(outcome);
  }
  for (const node of cluster.nodes) outcomes.push(await node.agentCommand(['status', '-o', 'json']));
}, 120_000);

function filesUnder(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

/** Its text, byte by byte; undefined where it is larger, or not there any more: agents write and rename meanwhile. */
function textOf(file: string, bytesMax: number): string | undefined {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY;
  if (size > bytesMax) return undefined;
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

describe('after an enrolment and a bootstrap', () => {
  it('no log, no screen and no audit line holds a private key or the secret of a token', () => {
    const texts = new Map([
      ...outcomes.map(({ stdout, stderr }, index) => [`output ${index}`, `${stdout}\n${stderr}`] as const),
      ...cluster.nodes.flatMap((node) => [
        [`log of the agent of ${node.name}`, node.agentLog()] as const,
        [`log of the etcd of ${node.name}`, node.read('agent', 'etcd.log') ?? ''] as const,
      ]),
      ['audit.jsonl', readFileSync(join(cluster.stateDir, 'audit.jsonl'), 'utf8')],
    ]);
    expect(cluster.nodes[0]!.agentLog().length).toBeGreaterThan(500);
    for (const [where, text] of texts) {
      expect(text, where).not.toMatch(/PRIVATE KEY/);
      for (const secret of secrets)
        expect(text.includes(secret), `${where} holds the secret of a token`).toBe(false);
    }
  });

  it('a used token is nowhere on any disk', () => {
    for (const file of filesUnder(cluster.dir)) {
      const text = textOf(file, 4_000_000);
      for (const secret of secrets) expect(text?.includes(secret) ?? false, file).toBe(false);
    }
  });

  it('every private key is on one host only, and readable by its owner alone', () => {
    const holders = filesUnder(cluster.dir).filter((file) =>
      textOf(file, 1_000_000)?.includes('PRIVATE KEY'),
    );
    expect(holders.length).toBeGreaterThan(10);
    const owners = new Map<string, Set<string>>();
    for (const file of holders) {
      expect((statSync(file).mode & 0o077).toString(8), file).toBe('0');
      const host = relative(cluster.dir, file).split('/')[0]!;
      const text = readFileSync(file, 'utf8').replaceAll('\\n', '\n');
      for (const [key] of text.matchAll(/-----BEGIN (?:\w+ )?PRIVATE KEY-----[^-]+-----END/g))
        owners.set(key, (owners.get(key) ?? new Set()).add(host));
    }
    for (const hosts of owners.values()) expect([...hosts]).toHaveLength(1);
    expect(new Set([...owners.values()].flatMap((hosts) => [...hosts]))).toEqual(
      new Set(['coordinator', 'etcd0', 'etcd1', 'etcd2']),
    );
  });

  it('the state dir is 0700 throughout, and every file in it 0600', () => {
    for (const file of filesUnder(cluster.stateDir)) {
      expect((statSync(file).mode & 0o777).toString(8), file).toBe('600');
      expect((statSync(join(file, '..')).mode & 0o777).toString(8), join(file, '..')).toBe('700');
    }
  });
});

describe('on the wire', () => {
  // A relay with the coordinator's own key reads along on a link that does not check whom it reached: all that an agent
  // sends when it is asked for requests. The coordinator itself would not go through it.
  it('go requests and certificates, and never a private key', async () => {
    const other = await testCluster({ nodes: 1 });
    const only = other.nodes[0]!;
    await other.prepare();
    const check = await other.coordinator(['check']);
    expect(check.code, describeOutcome(check)).toBe(0);
    const [port] = (await freePorts(1)) as [number];
    const to = { port: only.ports.agent, path: linkPaths.link, subprotocol: subprotocols.link };
    const middle = await relay(port, to, papersOfCoordinator(other));
    const link = await dialRaw(port, linkPaths.link, subprotocols.link, papersOfCoordinator(other));
    const answer = await new Promise<string>((resolve) => {
      link.onFrame(resolve);
      const params = { key: { algo: 'ecdsa', size: 256 } };
      link.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'pki.request', params }));
    });
    link.close(1000, '');
    await middle.close();
    expect(JSON.parse(answer)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {
        etcd: expect.stringMatching(/^-----BEGIN CERTIFICATE REQUEST-----/),
        peer: expect.stringMatching(/^-----BEGIN CERTIFICATE REQUEST-----/),
      },
    });
    expect(middle.frames.join('\n')).not.toMatch(/PRIVATE KEY/);
  });
});
