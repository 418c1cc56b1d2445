/** Links to agents that are functions, and a cluster in a state directory of its own: commands without a network. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentMethods, Fault, type Params, type ResultOf } from '@etcd-agent/protocol';
import { onTestFinished } from 'vitest';
import type { Reached } from '../bootstrap/connect.js';
import { specDigests } from '../bootstrap/specs.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { keepNode } from '../link/node-records.js';
import type { BootstrapRecord } from '../state/records.js';
import { StateDir } from '../state/state-dir.js';
import { type NodePlace, placesOf } from '../topology/places.js';
import { parseTopology } from '../topology/read.js';
import { recordOf } from './situations.js';
import { threeNodes } from './topologies.js';

type Answers = {
  readonly [M in keyof AgentMethods & string]?: (
    params: Params<AgentMethods, M>,
  ) => ResultOf<AgentMethods, M> | Promise<ResultOf<AgentMethods, M>>;
};

/** A method without an answer is one that this agent does not know. */
export function fakeLink(place: NodePlace, answers: Answers, generation = 3): NodeLink {
  return {
    place,
    hello: { cluster: 'c1', node: place.name, version: '0', now: '2026-01-02T00:00:00.000Z', generation },
    certificateSha256: 'a'.repeat(64),
    clock: { offsetMs: 0, uncertainMs: 0 },
    async call(method, params) {
      const answer = answers[method] as ((params: unknown) => never) | undefined;
      if (answer === undefined) throw new Fault('unknownMethod', method);
      return answer(params);
    },
    close() {},
  };
}

/** Some agents answer; the others are down. */
export function reachedOf(links: readonly NodeLink[], down: readonly NodePlace[] = []): Reached {
  return {
    links,
    failures: down.map((place) => ({ place, failure: nodeFailure(place, new Error('connect ETIMEDOUT')) })),
  };
}

/** Three nodes, enrolled, bootstrapped to the end; everything that was to be sent was sent in generation 3. For one test. */
export async function finishedCluster(): Promise<{ cluster: Cluster; record: BootstrapRecord }> {
  const dir = mkdtempSync(join(tmpdir(), 'coordinator-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const { state, lock } = await StateDir.create(join(dir, 'state'), 'test');
  await lock.release();
  const { topology } = parseTopology(threeNodes, 'c.yaml', () => '');
  const places = placesOf(topology);
  await state.write(threeNodes, 'cluster.yaml');
  const certificateSha256 = 'a'.repeat(64);
  for (const { name } of places)
    await keepNode(state, {
      name,
      certificateSha256,
      certificate: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
      enrolledAt: '2026-01-01T00:00:00.000Z',
    });
  const certificates = new Map(places.map(({ name }) => [name, certificateSha256]));
  const base = recordOf(places, true);
  const record = { ...base, ...specDigests({ topology, places, record: base, certificates }) };
  await state.writeJson(record, 'bootstrap.json');
  return { cluster: { state, topology, places }, record };
}
