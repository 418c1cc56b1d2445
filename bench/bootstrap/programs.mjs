// What the programs cost by themselves: an agent until it listens and while nothing happens, and the coordinator's help.
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './owned-processes.mjs';
import { cpuSeconds, endedChildrenCpuSeconds, memoryMB } from './process-usage.mjs';
import { bootstrap, enrolledCluster, status, stop } from './product.mjs';
import { summary } from './statistics.mjs';

export const targets = { startCpuSeconds: 0.5, idleRssMB: 85, idleCpuPercent: 1, helpMs: 300 };
const helpRounds = 9;
const root = fileURLToPath(new URL('../../', import.meta.url));
const coordinatorCommand = join(root, 'node_modules', '.bin', 'coordinator');

/** Three agents of one cluster; each figure over the three. */
export async function measureAgents({ dir, etcd, idleSeconds }) {
  const timing = { heartbeatMs: 500, electionMs: 2500 };
  const cluster = await enrolledCluster({
    dir: join(dir, 'agents'),
    etcd,
    timing,
    key: { algo: 'ecdsa', size: 256 },
  });
  try {
    await bootstrap(cluster);
    const pids = cluster.agents.map(({ pid }) => pid);
    const afterBootstrap = memory(pids);
    // From here on the agents have their etcd client loaded, as they have on every cluster that anybody looks at.
    await status(cluster);
    return {
      startCpuSeconds: summary(cluster.agents.map(({ cpuSeconds: seconds }) => seconds)),
      startMs: summary(cluster.agents.map(({ listenMs }) => listenMs)),
      afterBootstrap,
      idle: idleSeconds === 0 ? undefined : await watchIdle(pids, idleSeconds),
    };
  } finally {
    await stop(cluster);
  }
}

/** What runs for the first time is compiled first: in the half minute after a bootstrap that is as much as all the rest. */
const settleMs = 30_000;

async function watchIdle(pids, seconds) {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  process.stderr.write(`agents idle for ${seconds} s\n`);
  const before = pids.map(cpuSeconds);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const elapsed = (performance.now() - began) / 1000;
  return {
    seconds,
    memory: memory(pids),
    cpuPercent: summary(pids.map((pid, index) => ((cpuSeconds(pid) - before[index]) / elapsed) * 100)),
  };
}

function memory(pids) {
  const each = pids.map(memoryMB);
  return Object.fromEntries(
    ['rss', 'pss', 'anonymous'].map((name) => [name, summary(each.map((one) => one[name]))]),
  );
}

/**
 * The command as it is installed, shell wrapper included, and a Node that does nothing: what no program on it goes below, and a
 * measure of how busy the machine is.
 */
export async function measureHelp() {
  const ms = [];
  const bareMs = [];
  const cpuBefore = endedChildrenCpuSeconds();
  for (let round = 0; round < helpRounds; round += 1) bareMs.push(await timed(process.execPath, ['-e', '0']));
  const bareNodeCpuSeconds = (endedChildrenCpuSeconds() - cpuBefore) / helpRounds;
  for (let round = 0; round < helpRounds; round += 1) ms.push(await timed(coordinatorCommand, ['--help']));
  return { ms: summary(ms), bareNodeMs: summary(bareMs), bareNodeCpuSeconds };
}

async function timed(program, args) {
  const began = performance.now();
  await once(start(program, args, { stdio: 'ignore' }), 'exit');
  return performance.now() - began;
}
