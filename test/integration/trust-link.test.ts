/**
 * The door of an enrolled agent: who gets in, who may call what, and what happens to messages that are none. The agent goes
 * on serving its coordinator through all of it.
 */
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { DialError, type LinkChannel, probeListen } from '@etcd-agent/platform';
import { agentMethods, closeCodes, faultCodes, limits, linkPaths, subprotocols } from '@etcd-agent/protocol';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  describeOutcome,
  dialRaw,
  type Papers,
  papersOfAgent,
  papersOfCoordinator,
  type TestCluster,
  type TestNode,
  testCluster,
  throwAwayPapers,
  waitFor,
} from '../support/index.js';

let cluster: TestCluster;
let target: TestNode;
let peer: TestNode;
let pidBefore = 0;

beforeAll(async () => {
  cluster = await testCluster({ names: ['etcd0', 'etcd1'] });
  [target, peer] = cluster.nodes as [TestNode, TestNode];
  await cluster.prepare();
  const outcome = await cluster.coordinator(['check']);
  expect(outcome.code, describeOutcome(outcome)).toBe(0);
  pidBefore = target.agentPid;
});

// Whatever was done to it: the same process still answers the one who may ask.
afterEach(async () => {
  const link = await dial(papersOfCoordinator(cluster));
  expect(await ask(link, 'agent.hello', { coordinatorVersion: 'x' })).toMatchObject({
    result: { node: 'etcd0' },
  });
  link.close(1000, '');
  expect(target.agentPid).toBe(pidBefore);
  expect(target.agentRuns).toBe(true);
});

const dial = (papers: Papers, path: string = linkPaths.link, frameBytesMax?: number) =>
  dialRaw(
    target.ports.agent,
    path,
    path === linkPaths.enrolment ? subprotocols.enrolment : subprotocols.link,
    papers,
    frameBytesMax,
  );

interface Answer {
  readonly id: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string };
}

let nextId = 1;
function ask(link: LinkChannel, method: string, params: unknown, id = nextId++): Promise<Answer> {
  return new Promise((resolve, reject) => {
    link.onClose((code, reason) => reject(new Error(`closed with ${code} ${reason}`)));
    link.onFrame((text) => {
      const answer = JSON.parse(text) as Answer;
      if (answer.id === id) resolve(answer);
    });
    link.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  });
}

/** How the agent ends a link on which `text` was sent. */
async function closeAfter(text: string, frameBytesMax?: number): Promise<number> {
  const link = await dial(papersOfCoordinator(cluster), linkPaths.link, frameBytesMax);
  return new Promise((resolve) => {
    link.onClose(resolve);
    link.onFrame(() => {});
    link.send(text);
  });
}

async function refusal(
  papers: Papers,
  path?: string,
): Promise<{ status: number | undefined; message: string }> {
  const outcome = await dial(papers, path).then(
    (link) => link.close(1000, ''),
    (error: unknown) => error,
  );
  if (outcome instanceof DialError && outcome.stage === 'refused')
    return { status: outcome.status, message: outcome.message };
  throw new Error(`not refused: ${String(outcome)}`);
}

describe("another agent's certificate", () => {
  it('may ask which address it comes from, and nothing that a coordinator may', async () => {
    const link = await dial(papersOfAgent(peer));
    expect(await ask(link, 'peer.whoami', {})).toMatchObject({ result: { sourceAddress: '127.0.0.1' } });
    const forbidden = Object.entries(agentMethods).filter(
      ([, { roles }]) => !(roles as readonly string[]).includes('peer'),
    );
    expect(forbidden.length).toBeGreaterThan(8);
    for (const [method] of forbidden) {
      const { error } = await ask(link, method, {});
      expect(error, method).toMatchObject({
        code: faultCodes.unauthorised,
        message: `role peer may not call ${method}`,
      });
    }
    link.close(1000, '');
    await waitFor('the log to name the caller', () =>
      /"caller":"peer etcd1".*"kind":"unauthorised"/.test(target.agentLog()),
    );
  });

  it('is no coordinator at the enrolment door either', async () => {
    const link = await dial(papersOfAgent(peer), linkPaths.enrolment);
    const { error } = await ask(link, 'enrolment.prove', {
      cluster: 'test',
      node: 'etcd0',
      tokenId: '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11',
      agentCa: papersOfAgent(peer).agentCa,
      proof: 'a'.repeat(64),
    });
    expect(error).toMatchObject({
      code: faultCodes.refused,
      message: 'the agent refused the enrolment; its log says why',
    });
    await waitFor('the reason in the log', () =>
      target.agentLog().includes('there is no join token on this host'),
    );
  });
});

describe('a certificate of somebody else', () => {
  it('that nobody vouches for is turned away with the reason', async () => {
    expect(await refusal(await throwAwayPapers())).toEqual({
      status: 401,
      message: expect.stringMatching(/^the client certificate is not of this cluster's agent CA \(.+\)$/),
    });
  });

  it('of a coordinator of the same cluster name with another CA is turned away', async () => {
    const stateDir = join(cluster.dir, 'elsewhere');
    await cluster.must(['init', '-f', cluster.topologyFile], { stateDir });
    const read = (name: string) => readFileSync(join(stateDir, 'link', name), 'utf8');
    const papers = { certificate: read('coordinator.pem'), key: read('coordinator-key.pem') };
    expect((await refusal(papers)).status).toBe(401);
  });

  it('of an etcd client of this very cluster gives no role: it is of another CA', async () => {
    const read = (name: string) => readFileSync(join(cluster.stateDir, 'admin', name), 'utf8');
    const papers = { certificate: read('etcd-client.pem'), key: read('etcd-client-key.pem') };
    expect((await refusal(papers)).status).toBe(401);
  });

  it('finds nothing at other paths, even with the right papers', async () => {
    expect((await refusal(papersOfCoordinator(cluster), '/metrics')).status).toBe(404);
  });
});

describe('a message', () => {
  it.each([
    ['no JSON', 'hello'],
    ['half a message', '{"jsonrpc":"2.0","id":1,"method":"agent.hello"'],
    ['an empty frame', ''],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"peer.whoami","params":{}}]'],
    ['no id', '{"jsonrpc":"2.0","method":"peer.whoami","params":{}}'],
    ['an id that is text', '{"jsonrpc":"2.0","id":"1","method":"peer.whoami","params":{}}'],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"peer.whoami","params":{}}'],
    ['an answer to nothing', '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['a field too many', '{"jsonrpc":"2.0","id":1,"method":"peer.whoami","params":{},"as":"root"}'],
    [
      'a method with the name of a novel',
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x'.repeat(65), params: {} }),
    ],
  ])('that is malformed (%s) ends the link', async (_what, text) => {
    expect(await closeAfter(text)).toBe(closeCodes.malformed);
  });

  it('that is larger than a frame may be ends the link before it is read', async () => {
    const big = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'pki.install',
      params: { etcd: 'x'.repeat(limits.frameBytesMax) },
    });
    // 1009: message too big (RFC 6455 section 7.4.1).
    expect(await closeAfter(big, 2 * limits.frameBytesMax)).toBe(1009);
  });

  it('that names an unknown method, or one of the language, is answered and the link goes on', async () => {
    const link = await dial(papersOfCoordinator(cluster));
    for (const method of ['exec', 'node.exec', 'constructor', '__proto__', 'toString', 'enrolment.prove']) {
      expect((await ask(link, method, {})).error, method).toMatchObject({
        code: faultCodes.unknownMethod,
        message: `there is no method ${method}`,
      });
    }
    expect(await ask(link, 'peer.whoami', {})).toHaveProperty('result');
    link.close(1000, '');
  });

  it.each([
    ['spec.apply', {}],
    ['etcd.start', { bootstrapId: '../../etc' }],
    ['etcd.quarantine', { bootstrapId: 7 }],
    ['pki.install', { etcdCa: 'x', etcd: 'x', peerCa: 'x', peer: 'x' }],
    ['pki.request', { key: { algo: 'rsa', size: 512 } }],
    ['preflight.begin', { dataDir: '/var/lib/../../etc', client: {}, peer: {}, nonce: '' }],
    ['node.observe', { verbose: true }],
  ])(
    'with bad parameters for %s is answered with what is wrong, and nothing happens',
    async (method, params) => {
      const link = await dial(papersOfCoordinator(cluster));
      const { error } = await ask(link, method, params);
      expect(error?.code).toBe(faultCodes.invalidParams);
      expect(error?.message).toMatch(new RegExp(`^parameters of ${method.replace('.', '\\.')}: `));
      link.close(1000, '');
      expect(target.etcdPid()).toBeUndefined();
    },
  );

  it('that starts etcd without a spec is refused', async () => {
    const link = await dial(papersOfCoordinator(cluster));
    const { error } = await ask(link, 'etcd.start', { bootstrapId: '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11' });
    expect(error).toMatchObject({ code: faultCodes.refused });
    link.close(1000, '');
    expect(target.etcdPids()).toEqual([]);
  });
});

describe('too much at once', () => {
  it('of requests on one link is answered busy beyond the limit', async () => {
    const link = await dial(papersOfCoordinator(cluster));
    const count = 3 * limits.requestsInFlightMax;
    const answers: Answer[] = [];
    const all = new Promise<void>((resolve, reject) => {
      link.onClose((code) => reject(new Error(`closed with ${code}`)));
      link.onFrame((text) => {
        answers.push(JSON.parse(text) as Answer);
        if (answers.length === count) resolve();
      });
    });
    for (let id = 1; id <= count; id += 1)
      link.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'node.observe', params: {} }));
    await all;
    const busy = answers.filter(({ error }) => error?.code === faultCodes.busy);
    expect(busy.length).toBeGreaterThan(0);
    expect(answers.filter(({ result }) => result !== undefined).length).toBeGreaterThanOrEqual(
      limits.requestsInFlightMax,
    );
    link.close(1000, '');
  });
});

describe('a caller that hangs up', () => {
  it('at any moment of its arrival does not take the agent with it', async () => {
    const { certificate, key } = papersOfCoordinator(cluster);
    const upgrade = [
      `GET ${linkPaths.link} HTTP/1.1`,
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `Sec-WebSocket-Protocol: ${subprotocols.link}`,
      '\r\n',
    ].join('\r\n');
    const nonce = 'a'.repeat(32);
    const at = (port: number) => ({ host: '127.0.0.1', port });
    const begin = {
      dataDir: target.dataDir,
      client: at(target.ports.client),
      peer: at(target.ports.peer),
      nonce,
    };
    const targets = [{ node: 'etcd1', door: 'agent', endpoint: at(peer.ports.agent) }];
    const frames = [
      frameOf('node.observe', {}),
      Buffer.concat([frameOf('preflight.begin', begin), frameOf('preflight.probe', { nonce, targets })]),
    ];
    const visit = (index: number) =>
      new Promise<void>((resolve) => {
        const wire = connectTcp({ host: '127.0.0.1', port: target.ports.agent });
        const socket = connect({ socket: wire, cert: certificate, key, rejectUnauthorized: false });
        wire.on('error', () => {});
        socket.on('error', () => {});
        wire.on('close', () => resolve());
        const hangUp = () => (index % 2 === 0 ? wire.destroy() : wire.resetAndDestroy());
        socket.once('secureConnect', () => {
          socket.write(upgrade);
          socket.write(frames[index % 3 === 0 ? 0 : 1]!);
          const after = index % 12;
          if (after === 0) hangUp();
          else setTimeout(hangUp, (after - 1) * 4);
        });
      });
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 12 }, (_, index) => visit(index)));
    expect(target.agentLog()).not.toMatch(/TypeError|uncaught/i);
    // Nobody is left listening where etcd will have to.
    await waitFor(
      'the temporary listeners to go',
      async () => (await probeListen('127.0.0.1', target.ports.peer)).kind === 'free',
    );
  });
});

/** A client's frame is masked (RFC 6455 section 5.3); a mask of zeros leaves the text as it is. */
function frameOf(method: string, params: unknown): Buffer {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params }));
  const length =
    body.length < 126
      ? Buffer.from([0x80 | body.length])
      : Buffer.from([0xfe, body.length >> 8, body.length & 255]);
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), body]);
}
