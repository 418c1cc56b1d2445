/**
 * A whole cluster on this machine: the same agents as on hosts, each a process of its own, and the same bootstrap. All
 * of it under one directory; free ports on loopback; nothing else is touched.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { agentProgram, type LocalAgent, localAgent } from '@etcd-agent/agent';
import {
  acceptsConnections,
  linuxFiles,
  type ProcessIdentity,
  processIdentity,
  signal,
  systemClock,
} from '@etcd-agent/platform';
import { readAuthority } from '../authority.js';
import { bootstrap } from '../bootstrap/run.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import { init } from '../commands/init.js';
import { Failure } from '../failure.js';
import { readNode } from '../link/node-records.js';
import type { Progress } from '../progress.js';
import { makeToken } from '../tokens.js';
import type { NodePlace } from '../topology/places.js';
import { type Layout, layout, type PlaygroundMark, readMark, runningAgents, writeMark } from './layout.js';
import { freePorts } from './ports.js';

/** An agent listens within half a second of CPU; a busy machine takes longer. */
const agentStartMsMax = 30_000;
/** One try of its port, on loopback. */
const agentAcceptMsMax = 1_000;
const agentStopMsMax = 10_000;
/** A leader that ends hands over first, which takes seconds where the others end at the same time. Data that goes anyway needs no such care. */
const etcdStopMsMax = 15_000;
const tokenMs = 10 * 60 * 1000;

export interface UpOptions {
  readonly dir: string;
  readonly nodes: number;
  readonly etcd: string;
  readonly progress: Progress;
}

/** Makes the playground, or starts one again that was stopped. Returns its cluster, healthy. */
export async function up(options: UpOptions): Promise<Cluster> {
  const { progress, etcd } = options;
  requireAgent();
  const at = layout(options.dir);
  let mark = await readMark(at);
  if (mark === undefined) {
    await linuxFiles.makeDirectory(at.dir, { mode: 0o700 });
    const nodes = Array.from({ length: options.nodes }, (_, index) => ({ name: `etcd${index}` }));
    mark = {
      apiVersion: 'etcd-agent/v1',
      kind: 'Playground',
      createdAt: new Date().toISOString(),
      etcd,
      nodes,
    };
    await writeMark(at, mark);
  }
  if (!(await linuxFiles.exists(at.topology))) {
    await linuxFiles.writeAtomic(
      at.topology,
      await topologyText(
        at,
        mark.nodes.map(({ name }) => name),
      ),
      { mode: 0o644 },
    );
  }
  if (!(await linuxFiles.exists(`${at.state}/cluster.yaml`)))
    await init({ stateDir: at.state, progress }, at.topology);
  const cluster = await openCluster(at.state);
  await progress.phase(`Start ${cluster.places.length} agents`, () => startAgents(at, mark, cluster));
  await bootstrap({
    cluster,
    progress,
    dryRun: false,
    reset: false,
    timeoutMs: 120_000,
    confirm: () => Promise.resolve(true),
  });
  return cluster;
}

/** Before anything is made: the coordinator's package has no agent in it. */
function requireAgent(): void {
  if (agentProgram() !== undefined) return;
  throw new Failure({
    exit: 'usage',
    what: 'there is no etcd-agent on this host, and a playground runs the real one',
    next: 'install the package etcd-agent too; installing it enables and starts nothing',
  });
}

/** Ends agents and etcds, but for the nodes in `leave`. With `remove`, the directory goes too. */
export async function down(
  dir: string,
  progress: Progress,
  options: { readonly remove: boolean; readonly leave?: ReadonlySet<string> },
): Promise<{ stopped: number }> {
  const at = layout(dir);
  const mark = await readMark(at);
  if (mark === undefined) {
    throw new Failure({
      exit: 'failed',
      what: `there is no playground in ${dir}`,
      next: 'coordinator playground up, or name it with --dir',
    });
  }
  const agents = await runningAgents(mark);
  const nodes = mark.nodes.filter(({ name }) => options.leave?.has(name) !== true);
  await progress.phase('Stop agents and etcd', () =>
    Promise.all(
      nodes.map(async ({ name }) => {
        const agent = agents.get(name);
        if (agent !== undefined) await endProcess(agent);
        if (await linuxFiles.exists(at.agentConfig(name)))
          await localAgent(at.agentConfig(name)).stopEtcd(options.remove ? 0 : etcdStopMsMax);
      }),
    ),
  );
  // Only a directory with our mark comes here, and everything in it is the playground's own.
  // An agent that has just been ended may have a last write under way: hence the retries.
  if (options.remove) await rm(dir, { recursive: true, maxRetries: 5, retryDelay: 100 });
  return { stopped: nodes.length };
}

async function startAgents(
  at: Layout,
  mark: PlaygroundMark,
  { state, topology, places }: Cluster,
): Promise<void> {
  const running = await runningAgents(mark);
  const { certificate: agentCa } = await readAuthority(state, 'agent', new Date());
  await Promise.all(
    places.map(async (place) => {
      const { name } = place;
      await linuxFiles.makeDirectory(at.node(name), { mode: 0o700 });
      await linuxFiles.writeAtomic(at.agentConfig(name), agentConfig(at, place, mark.etcd), { mode: 0o644 });
      if ((await readNode(state, name)) !== undefined) return;
      const { text } = await makeToken(state, topology.name, name, agentCa, tokenMs);
      await localAgent(at.agentConfig(name)).enrol(text);
    }),
  );
  // On the mark as soon as it runs: whoever is interrupted here must find every agent again.
  const agents: ProcessIdentity[] = [];
  for (const { name } of places) {
    const agent = running.get(name) ?? (await start(localAgent(at.agentConfig(name)), at.agentLog(name)));
    agents.push(agent);
    const nodes = places.map((place, index) => {
      const known = agents[index] ?? running.get(place.name);
      return known === undefined ? { name: place.name } : { name: place.name, agent: known };
    });
    await writeMark(at, { ...mark, nodes });
  }
  await Promise.all(
    places.map((place, index) => waitListening(place, agents[index]!, at.agentLog(place.name))),
  );
}

async function start(agent: LocalAgent, log: string): Promise<ProcessIdentity> {
  const child = agent.start(log);
  await once(child, 'spawn');
  // The agent outlives this command when it is detached; what it is waits in no event of ours.
  child.unref();
  const found = await processIdentity(child.pid!);
  if (found.kind === 'gone') throw agentEnded(log);
  return found.identity;
}

async function waitListening(
  { address, agentPort }: NodePlace,
  agent: ProcessIdentity,
  log: string,
): Promise<void> {
  const deadline = systemClock.monotonicMs() + agentStartMsMax;
  while (!(await acceptsConnections(address, agentPort, agentAcceptMsMax))) {
    if ((await processIdentity(agent.pid)).kind === 'gone' || systemClock.monotonicMs() > deadline)
      throw agentEnded(log);
    await systemClock.sleep(20);
  }
}

async function endProcess(agent: ProcessIdentity): Promise<void> {
  const deadline = systemClock.monotonicMs() + agentStopMsMax;
  if ((await signal(agent, 'SIGTERM')) === 'gone') return;
  for (;;) {
    const found = await processIdentity(agent.pid);
    if (found.kind === 'gone' || found.identity.startTicks !== agent.startTicks) return;
    if (systemClock.monotonicMs() > deadline) await signal(agent, 'SIGKILL');
    await systemClock.sleep(20);
  }
}

function agentEnded(log: string): Failure {
  return new Failure({
    exit: 'failed',
    what: 'an agent did not start',
    where: [log],
    cause: 'its log says why',
    next: `tail ${log}`,
  });
}

/**
 * P-256, etcd's own timings, and healing without the patience that hosts need: a playground is for seconds, not for a WAN.
 * Whoever plays breaks things again and again, which is no sign of a deeper cause here.
 */
async function topologyText(at: Layout, names: readonly string[]): Promise<string> {
  const ports = await freePorts(names.length * 3);
  const nodes = names.map((name, index) => {
    const [agentPort, clientPort, peerPort] = ports.slice(index * 3, index * 3 + 3);
    const dataDir = `${at.node(name)}/data`;
    return `  - { name: ${name}, address: 127.0.0.1, agentPort: ${agentPort}, clientPort: ${clientPort}, peerPort: ${peerPort}, dataDir: ${dataDir} }`;
  });
  return [
    '# Made by coordinator playground up.',
    'name: playground',
    'nodes:',
    ...nodes,
    'etcd: { heartbeatInterval: 100, electionTimeout: 1000 }',
    'pki: { key: { algo: ecdsa, size: 256 } }',
    'healing: { watch: 1s, hang: 5s, hangUptime: 5s, stopped: 10s, removed: 5s, orphan: 1m, hold: 1s, repairsPerDayMax: 100 }',
    '',
  ].join('\n');
}

function agentConfig(at: Layout, { name, address, agentPort }: NodePlace, etcd: string): string {
  return [
    `listen: ${address}:${agentPort}`,
    `stateDir: ${at.node(name)}/agent`,
    `runDir: ${at.node(name)}/run`,
    'serviceManager: process',
    `etcdBinary: ${etcd}`,
    `etcdConfigDir: ${at.node(name)}/etc`,
    'etcdUser: ""',
    '',
  ].join('\n');
}
