// A cluster made by the product, through its real programs: topology, init, tokens, three agents, check (which enrols), bootstrap.
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stepMsMax } from './arguments.mjs';
import { end, endAll, own, start } from './owned-processes.mjs';
import { freePorts } from './ports.mjs';
import { cpuSeconds, endedChildrenCpuSeconds } from './process-usage.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const coordinatorProgram = join(root, 'coordinator/bin/coordinator.js');
const agentProgram = join(root, 'agent/bin/etcd-agent.js');
const names = ['etcd0', 'etcd1', 'etcd2'];
/** Clusters that are not stopped yet, half-made ones included. */
const clusters = new Set();

/** Everything up to the bootstrap: agents run, have an identity, and wait. */
export async function enrolledCluster({ dir, etcd, timing, key }) {
  mkdirSync(dir, { recursive: true });
  const state = join(dir, 'coordinator');
  const ports = await freePorts(names.length * 3);
  const nodes = names.map((name, index) => ({
    name,
    dir: join(dir, name),
    agentPort: ports[index * 3],
    clientPort: ports[index * 3 + 1],
    peerPort: ports[index * 3 + 2],
  }));
  const cluster = { nodes, state, agents: [] };
  clusters.add(cluster);
  const topology = join(dir, 'cluster.yaml');
  writeFileSync(topology, topologyText(nodes, timing, key));
  await coordinator(state, ['init', '-f', topology]);
  for (const node of nodes) await giveToken(node, state, etcd);
  cluster.agents = await Promise.all(nodes.map(startAgent));
  await coordinator(state, ['check']);
  return cluster;
}

/**
 * `coordinator bootstrap --yes`. `wallMs`: start of its process to its exit; `healthyMs`: to its word that all members are
 * healthy; `phases`: where the time went, from the moments at which its lines arrived.
 */
export async function bootstrap({ state }) {
  const cpuBefore = endedChildrenCpuSeconds();
  const { lines, wallMs } = await coordinator(state, ['bootstrap', '--yes']);
  const coordinatorCpuSeconds = endedChildrenCpuSeconds() - cpuBefore;
  const phases = [{ name: 'coordinator starts', ms: lines[0].atMs }];
  const begun = new Map();
  for (const { text, atMs } of lines) {
    const [, title, state] = /^(\S.*?)(?: (\.\.\.)|: done \(.*\))$/.exec(text) ?? [];
    if (title === undefined) continue;
    if (state === '...') begun.set(title, atMs);
    else phases.push({ name: plain(title), ms: atMs - begun.get(title) });
  }
  const healthyMs = lines.findLast(({ text }) =>
    text.startsWith('Wait until all members are healthy: done'),
  )?.atMs;
  if (healthyMs === undefined) throw new Error('the bootstrap did not say that all members are healthy');
  const accounted = phases.reduce((sum, { ms }) => sum + ms, 0);
  phases.push({ name: 'summary and exit', ms: wallMs - healthyMs });
  phases.push({ name: 'between the phases', ms: healthyMs - accounted });
  return { wallMs, healthyMs, coordinatorCpuSeconds, phases };
}

/** `coordinator status`: every agent asks its etcd. */
export async function status({ state }) {
  await coordinator(state, ['status']);
}

/** Ends agents and etcds. The agents first: they would start their etcd again. */
export async function stop(cluster) {
  await end(cluster.agents.map(({ pid }) => pid));
  await end(
    cluster.nodes.map(etcdPid).filter((pid) => pid !== undefined),
    'SIGKILL',
  );
  clusters.delete(cluster);
}

/** Ends whatever this module has started and not ended, at once. */
export async function stopEverything() {
  await endAll();
  for (const cluster of [...clusters]) await stop(cluster);
}

async function giveToken(node, state, etcd) {
  mkdirSync(node.dir, { recursive: true });
  node.config = join(node.dir, 'agent.yaml');
  writeFileSync(node.config, agentConfig(node, etcd));
  const { stdout } = await coordinator(state, ['token', node.name, '-o', 'json']);
  const tokenFile = join(node.dir, 'token');
  writeFileSync(tokenFile, JSON.parse(stdout).token, { mode: 0o600 });
  await run(agentProgram, ['enrol', '--config', node.config, '--token-file', tokenFile]);
}

/** Starts one agent and waits until it listens. `cpuSeconds`: what it had used by then. */
async function startAgent({ dir, config, agentPort }) {
  const log = openSync(join(dir, 'agent.log'), 'a');
  const began = performance.now();
  const child = start(process.execPath, [agentProgram, 'run', '--config', config], {
    stdio: ['ignore', log, log],
    env: plainEnvironment(),
  });
  while (!(await isOpen(agentPort))) {
    if (child.exitCode !== null) throw new Error(`an agent did not start: ${dir}/agent.log`);
    if (performance.now() - began > stepMsMax) throw new Error(`an agent does not listen: ${dir}/agent.log`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { pid: child.pid, listenMs: performance.now() - began, cpuSeconds: cpuSeconds(child.pid) };
}

function coordinator(state, args) {
  return run(coordinatorProgram, ['--state', state, ...args]);
}

async function run(program, args) {
  const began = performance.now();
  const child = start(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnvironment(),
    timeout: stepMsMax,
  });
  let stdout = '';
  let stderr = '';
  const lines = [];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    const atMs = performance.now() - began;
    stderr += chunk;
    for (const text of String(chunk).split('\n')) if (text !== '') lines.push({ text, atMs });
  });
  let wallMs;
  child.once('exit', () => {
    wallMs = performance.now() - began;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
  return { stdout, lines, wallMs };
}

function topologyText(nodes, { heartbeatMs, electionMs }, { algo, size }) {
  return [
    'name: bench',
    'nodes:',
    ...nodes.map(
      ({ name, dir, agentPort, clientPort, peerPort }) =>
        `  - { name: ${name}, address: 127.0.0.1, agentPort: ${agentPort}, clientPort: ${clientPort}, peerPort: ${peerPort}, dataDir: ${dir}/data }`,
    ),
    `etcd: { heartbeatInterval: ${heartbeatMs}, electionTimeout: ${electionMs} }`,
    `pki: { key: { algo: ${algo}, size: ${size} } }`,
    '',
  ].join('\n');
}

function agentConfig({ dir, agentPort }, etcd) {
  return [
    `listen: 127.0.0.1:${agentPort}`,
    `stateDir: ${dir}/agent`,
    `runDir: ${dir}/run`,
    'serviceManager: process',
    `etcdBinary: ${etcd}`,
    `etcdConfigDir: ${dir}/etc`,
    'etcdUser: ""',
    '',
  ].join('\n');
}

/** The etcd of a node, where it runs: its agent writes it down by pid and start time. From now on it is ours to end. */
export function etcdPid({ dir }) {
  try {
    const { pid, startTicks } = JSON.parse(readFileSync(join(dir, 'agent/process.json'), 'utf8')).child
      .identity;
    return own(pid, startTicks) ? pid : undefined;
  } catch {
    // There is no record: it has not started one.
    return undefined;
  }
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

// Settings of the caller's own shell are meant for nobody here; plain lines, not spinners.
function plainEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(ETCD|COORDINATOR|NODE)_/.test(name)),
  );
}

function plain(title) {
  return title.replace(/ (on )?etcd\d(, etcd\d)*$/, '');
}
