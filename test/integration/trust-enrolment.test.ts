/**
 * Enrolment against everybody who should not get an identity or hand one out: wrong tokens, relays, echoes. After each
 * the rightful agent is still enrolled with its token: nothing was spoilt.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRequest, generateKey, readRequest } from '@etcd-agent/pki';
import {
  agentProof,
  decodeToken,
  encodeToken,
  enrolmentKey,
  exporterBytes,
  exporterLabel,
  type JoinToken,
  linkPaths,
  subprotocols,
} from '@etcd-agent/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  describeOutcome,
  freePorts,
  listenRaw,
  type Outcome,
  papersOfAgent,
  papersOfCoordinator,
  relay,
  sleep,
  type TestCluster,
  type TestNode,
  testCluster,
  throwAwayPapers,
  waitFor,
} from '../support/index.js';

let cluster: TestCluster;
let node: TestNode;
let other: TestNode;
const undo: (() => unknown)[] = [];

// One state for all, and a host of its own for each test: the first of every pair is `node`, the second `other`.
const pairsMax = 4;
let used = pairsMax;

beforeEach(async () => {
  if (used === pairsMax) {
    cluster = await testCluster({
      names: Array.from({ length: 2 * pairsMax }, (_, index) => `etcd${index}`),
    });
    await cluster.must(['init', '-f', cluster.topologyFile]);
    used = 0;
  }
  [node, other] = cluster.nodes.slice(2 * used, 2 * used + 2) as [TestNode, TestNode];
  used += 1;
});
afterEach(async () => {
  for (const act of undo.splice(0).reverse()) await act();
  await Promise.all([node.endAgent(), other.endAgent()]);
});

async function tokenFor(name: string, ...more: string[]): Promise<string> {
  return (await cluster.must(['token', name, ...more])).stdout.trim();
}

function read(text: string): JoinToken {
  const reading = decodeToken(text);
  if (reading.kind !== 'ok') throw new Error(reading.why);
  return reading.token;
}

/** Puts a token where the agent finds it, past the checks of `etcd-agent enrol`. */
async function putToken(text: string, onto = node): Promise<void> {
  const outcome = await onto.agentCommand(['enrol', '--token-file', '-'], { stdin: text });
  expect(outcome.code, describeOutcome(outcome)).toBe(0);
}

/** `check` enrols what holds a token, and shows every node; this gives what it says of one. */
async function check(
  name: string,
): Promise<{ outcome: Outcome; result: string; message: string; next?: string }> {
  const outcome = await cluster.coordinator(['check', '-o', 'json']);
  const { findings } = JSON.parse(outcome.stdout) as {
    findings: { node: string; check: string; result: string; message: string; next?: string }[];
  };
  return { outcome, ...findings.find((each) => each.node === name && each.check === 'agent')! };
}

async function expectRefused(
  why: RegExp,
  message = /^the agent of \S+ refused the enrolment$/,
): Promise<void> {
  const { outcome, result, message: found, next } = await check(node.name);
  expect(outcome.code, describeOutcome(outcome)).toBe(7);
  expect(result).toBe('fail');
  expect(found).toMatch(message);
  expect(next).toBe(tokenAdvice());
  expect(existsSync(join(node.stateDir, 'identity.json'))).toBe(false);
  expect(existsSync(join(cluster.stateDir, 'nodes', `${node.name}.json`))).toBe(false);
  await waitFor(`the agent's log to say ${why}`, () => why.test(node.agentLog()));
  expect(audit().filter(({ action }) => action === 'enrol')).toContainEqual(
    expect.objectContaining({ node: node.name, outcome: 'refused' }),
  );
}

async function expectEnrolled(): Promise<void> {
  const { outcome, result } = await check(node.name);
  expect(result, describeOutcome(outcome)).toBe('ok');
  expect(existsSync(join(node.stateDir, 'join-token'))).toBe(false);
  expect(existsSync(join(cluster.stateDir, 'tokens', `${node.name}.json`))).toBe(false);
}

function audit(): { action: string; node?: string; outcome: string; detail?: Record<string, unknown> }[] {
  return readFileSync(join(cluster.stateDir, 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ReturnType<typeof audit>[number]);
}

describe('a token', () => {
  it('with another secret enrols nobody; the right one does, afterwards', async () => {
    const text = await tokenFor(node.name);
    await putToken(encodeToken({ ...read(text), secret: Buffer.alloc(16, 7).toString('base64url') }));
    await node.startAgent();
    await expectRefused(/does not know the secret of the token, or relays somebody who does/);
    await putToken(text);
    await expectEnrolled();
  });

  it('of another node enrols nobody', async () => {
    await tokenFor(node.name);
    await putToken(await tokenFor(other.name));
    await node.startAgent();
    await expectRefused(/the caller means node etcd\d, the token etcd\d/);
  });

  it('that was replaced by a later one enrols nobody', async () => {
    await putToken(await tokenFor(node.name));
    await tokenFor(node.name);
    await node.startAgent();
    await expectRefused(/the caller means another token than the one on this host/);
  });

  it('made by another coordinator of the same cluster name enrols nobody', async () => {
    await tokenFor(node.name);
    const elsewhere = join(cluster.dir, 'elsewhere');
    await cluster.must(['init', '-f', cluster.topologyFile], { stateDir: elsewhere });
    await putToken((await cluster.must(['token', node.name], { stateDir: elsewhere })).stdout);
    await node.startAgent();
    await expectRefused(/the caller means another token|agent CA is not the one the token pins/);
  });

  it('that has expired is refused on the host, and on the coordinator where it was installed in time', async () => {
    const text = await tokenFor(node.name, '--ttl', '6s');
    // As `etcd-agent enrol` keeps it, without the start of another program while it is good.
    await node.keepJoinToken(text);
    await node.startAgent();
    await sleep(Math.max(0, Date.parse(read(text).expiresAt) - Date.now()) + 50);
    const late = await node.agentCommand(['enrol', '--token-file', '-'], { stdin: text });
    expect(late.code, describeOutcome(late)).toBe(1);
    expect(late.stderr).toMatch(/^etcd-agent: the join token in standard input expired at 20\S+Z$/m);
    expect(late.stderr).toContain(`next: coordinator token ${node.name}`);
    const { outcome, message, next } = await check(node.name);
    expect(outcome.code, describeOutcome(outcome)).toBe(7);
    expect(message).toMatch(/^the join token of etcd\d expired at 20\S+Z$/);
    expect(next).toBe(tokenAdvice());
  });

  it('works once: a second host that has a copy of it gets nothing', async () => {
    const text = await tokenFor(node.name);
    await putToken(text);
    await node.startAgent();
    await expectEnrolled();
    // The same address, another machine: a new state directory with the old token in it.
    await node.endAgent();
    rmSync(node.stateDir, { recursive: true });
    await putToken(text);
    await node.startAgent();
    const { outcome, message, next } = await check(node.name);
    expect(outcome.code, describeOutcome(outcome)).toBe(7);
    expect(message).toMatch(
      /^what answers for etcd\d shows a certificate that is not of this cluster's agent CA/,
    );
    expect(next).toBe(tokenAdvice());
    expect(existsSync(join(node.stateDir, 'identity.json'))).toBe(false);
  });

  it('used by a thief first belongs to the key of the thief: the rightful agent is refused, and it is on record', async () => {
    const text = await tokenFor(node.name);
    const token = read(text);
    const { request, publicKeySha256 } = await requestOf(node.name);
    // Knows the secret, gets its certificate signed, and hangs up instead of taking it.
    const server = await listenRaw(
      node.ports.agent,
      subprotocols.enrolment,
      await throwAwayPapers(),
      (channel) => {
        channel.onFrame((frame) => {
          const { id, method } = JSON.parse(frame) as { id: number; method: string };
          if (method !== 'enrolment.prove') return channel.close(1000, '');
          const key = enrolmentKey(token.secret, channel.exportKey(exporterLabel, exporterBytes));
          const result = { request, proof: agentProof(key, token, publicKeySha256) };
          channel.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
        });
      },
    );
    const first = await cluster.coordinator(['check']);
    expect(first.code, describeOutcome(first)).not.toBe(0);
    await server.close();
    await putToken(text);
    await node.startAgent();
    const { outcome, message, next } = await check(node.name);
    expect(outcome.code, describeOutcome(outcome)).toBe(7);
    expect(message).toBe(`${node.name} was not enrolled: the token was already used by another key`);
    expect(next).toBe(tokenAdvice());
    expect(audit()).toContainEqual(
      expect.objectContaining({
        action: 'enrol',
        outcome: 'refused',
        detail: expect.objectContaining({ why: expect.stringContaining('another key') }),
      }),
    );
    // A new token puts it right.
    await putToken(await tokenFor(node.name));
    await expectEnrolled();
  });

  it('cut short or altered on the way is refused by the host at once, and is not repeated on the screen', async () => {
    const text = await tokenFor(node.name);
    for (const broken of [
      text.slice(0, -9),
      text.replace('.', ' .'),
      `${text.slice(0, 60)}\n${text.slice(60)}`,
      '',
    ]) {
      const outcome = await node.agentCommand(['enrol', '--token-file', '-'], { stdin: broken });
      expect(outcome.code, describeOutcome(outcome)).toBe(1);
      expect(outcome.stderr).toMatch(/^etcd-agent: standard input holds no join token: /);
      expect(outcome.stderr).toContain('next: coordinator token NODE, on the coordinator, makes one');
      expect(outcome.stderr).not.toContain(text.slice(20, 60));
    }
    expect(existsSync(join(node.stateDir, 'join-token'))).toBe(false);
  });
});

describe('a man in the middle', () => {
  // The topology leads to the relay; the agent listens elsewhere. Afterwards the agent is reached without it.
  async function throughRelay(papers: { certificate: string; key: string }): Promise<string[]> {
    const [hidden] = (await freePorts(1)) as [number];
    await putToken(await tokenFor(node.name));
    node.configure({ listen: `127.0.0.1:${hidden}` });
    const starting = node.startAgent();
    const to = { port: hidden, path: linkPaths.enrolment, subprotocol: subprotocols.enrolment };
    const middle = await relay(node.ports.agent, to, papers);
    undo.push(() => middle.close());
    await starting;
    await waitFor('the agent behind the relay', () => node.agentLog().includes('"listening"'));
    return middle.frames;
  }

  async function afterwardsItEnrols(): Promise<void> {
    for (const act of undo.splice(0).reverse()) await act();
    await node.endAgent();
    node.configure({});
    await node.startAgent();
    await expectEnrolled();
  }

  it('with papers of its own gets nothing from the agent', async () => {
    const frames = await throughRelay(await throwAwayPapers('coordinator'));
    await expectRefused(/the caller's certificate is not usable/);
    expect(frames.some((text) => text.includes('CERTIFICATE REQUEST'))).toBe(false);
    await afterwardsItEnrols();
  });

  it('with the papers of another agent of this cluster gets nothing either', async () => {
    await putToken(await tokenFor(other.name), other);
    await other.startAgent();
    expect((await check(other.name)).result).toBe('ok');
    const frames = await throughRelay(papersOfAgent(other));
    await expectRefused(/the caller is etcd-agent:\/\/test\/agent\/etcd\d, not the coordinator of test/);
    expect(frames.some((text) => text.includes('CERTIFICATE REQUEST'))).toBe(false);
    await afterwardsItEnrols();
  });

  // The strongest there is: it has stolen the coordinator's link key and relays a coordinator that holds the token.
  it("with the coordinator's own papers fails over the proof, which is of one connection only", async () => {
    const frames = await throughRelay(papersOfCoordinator(cluster));
    await expectRefused(/does not know the secret of the token, or relays somebody who does/);
    expect(frames.some((text) => text.includes('"enrolment.prove"'))).toBe(true);
    expect(frames.some((text) => text.includes('CERTIFICATE REQUEST'))).toBe(false);
    await afterwardsItEnrols();
  });
});

describe('somebody who answers as the agent without knowing the token', () => {
  it("by echoing the coordinator's own proof gets no certificate, and the token stays good", async () => {
    const text = await tokenFor(node.name);
    const { request } = await requestOf(node.name);
    const heard: string[] = [];
    const server = await listenRaw(
      node.ports.agent,
      subprotocols.enrolment,
      await throwAwayPapers(),
      (channel) => {
        channel.onFrame((frame) => {
          heard.push(frame);
          const { id, params } = JSON.parse(frame) as { id: number; params: { proof: string } };
          channel.send(JSON.stringify({ jsonrpc: '2.0', id, result: { request, proof: params.proof } }));
        });
      },
    );
    const { outcome, message, next } = await check(node.name);
    expect(outcome.code, describeOutcome(outcome)).toBe(7);
    expect(message).toBe(
      `${node.name} was not enrolled: it does not know the secret of the token, or somebody relays the connection`,
    );
    expect(next).toBe(tokenAdvice());
    expect(heard.some((frame) => frame.includes('enrolment.install'))).toBe(false);
    expect(heard.some((frame) => frame.includes(read(text).secret))).toBe(false);
    await server.close();
    await putToken(text);
    await node.startAgent();
    await expectEnrolled();
  });
});

describe('a node that was enrolled before', () => {
  it('keeps its identity while a new token waits, and changes it when the token is used', async () => {
    await putToken(await tokenFor(node.name));
    await node.startAgent();
    await expectEnrolled();
    const before = papersOfAgent(node).certificate;
    const text = await tokenFor(node.name);
    expect((await check(node.name)).result).toBe('ok');
    expect(papersOfAgent(node).certificate).toBe(before);
    await putToken(text);
    await expectEnrolled();
    expect(papersOfAgent(node).certificate).not.toBe(before);
  });
});

const tokenAdvice = () =>
  `coordinator token ${node.name} > F, copy F to that host, then there: etcd-agent enrol --token-file F`;

async function requestOf(CN: string): Promise<{ request: string; publicKeySha256: string }> {
  const key = await generateKey({ algo: 'ecdsa', size: 256 });
  const request = await createRequest({ key, subject: { CN, names: [] } });
  return { request, publicKeySha256: (await readRequest(request)).publicKeySha256 };
}
