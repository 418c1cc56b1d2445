// The result for people.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { targets } from './programs.mjs';

export function describeMachine(etcd) {
  return {
    node: process.version,
    etcd: execFileSync(etcd, ['--version'], { encoding: 'utf8' }).split('\n')[0],
    cpus: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? 'unknown',
    loadAverage: loadavg()[0],
  };
}

/** The machine in a line. */
export function describe({ node, etcd, cpus: count, model, loadAverage }) {
  return `${etcd}; Node ${node}; ${count} CPUs (${model}); load average at the end ${loadAverage.toFixed(1)}`;
}

export function printTable({ machine, sets, agent, help }) {
  print(describe(machine));
  for (const set of sets) printSet(set);
  print('');
  print('agents and commands: median (min–max)');
  const { idle } = agent;
  row(
    'agent, start to listening, CPU',
    range(agent.startCpuSeconds, 2, 's'),
    verdict(agent.startCpuSeconds.median, targets.startCpuSeconds, 's'),
  );
  row('  for comparison: node -e 0, CPU', `${help.bareNodeCpuSeconds.toFixed(2)} s`);
  row('agent, start to listening, wall, three at once', range(agent.startMs, 0, 'ms'));
  row('agent right after bootstrap, RSS', range(agent.afterBootstrap.rss, 1, 'MB'));
  if (idle !== undefined) {
    row(
      `agent idle for ${idle.seconds} s, RSS`,
      range(idle.memory.rss, 1, 'MB'),
      verdict(idle.memory.rss.max, targets.idleRssMB, 'MB'),
    );
    row(`  of that its share (PSS)`, range(idle.memory.pss, 1, 'MB'));
    row(`  of that its own (anonymous)`, range(idle.memory.anonymous, 1, 'MB'));
    row(
      `agent idle for ${idle.seconds} s, CPU`,
      range(idle.cpuPercent, 2, '% of a core'),
      verdict(idle.cpuPercent.max, targets.idleCpuPercent, '%'),
    );
  }
  row('node -e 0 for comparison, wall', range(help.bareNodeMs, 0, 'ms'));
  row('coordinator --help, wall', range(help.ms, 0, 'ms'), verdict(help.ms.median, targets.helpMs, 'ms'));
}

function printSet({
  heartbeatMs,
  electionMs,
  key,
  pairs,
  floorMs,
  keyMs,
  oursMs,
  healthyMs,
  ratio,
  ratioMax,
  ratioOfMedians,
  coordinatorCpuSeconds,
  phases,
}) {
  print('');
  print(
    `${key.algo} ${key.size}, heartbeat ${heartbeatMs} ms, election ${electionMs} ms, ${pairs.length} pairs: median (min–max)`,
  );
  row('floor: three etcds to a write through each', range(floorMs, 0, 'ms'));
  if (keyMs.max > 0) row('keys by themselves, six at once', range(keyMs, 0, 'ms'));
  row('ours: coordinator bootstrap, start to exit', range(oursMs, 0, 'ms'));
  row('  to "all members are healthy"', range(healthyMs, 0, 'ms'));
  row(
    `ratio of each pair${keyMs.max > 0 ? ', to floor + keys' : ''}`,
    range(ratio, 2, ''),
    verdict(ratio.median, ratioMax, ''),
  );
  row('ratio of the medians', ratioOfMedians.toFixed(2));
  print('  where the time of ours goes (medians)');
  for (const { name, medianMs } of phases) row(`    ${name}`, `${medianMs.toFixed(0)} ms`);
  row('    CPU of the coordinator', range(coordinatorCpuSeconds, 2, 's'));
}

export function range({ median, min, max }, digits, unit) {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)}) ${unit}`.trim();
}

export function verdict(value, max, unit) {
  return `${value <= max ? 'meets' : 'MISSES'} ≤ ${max} ${unit}`.trim();
}

export function row(what, value, rest = '') {
  print(`  ${what.padEnd(50)} ${value.padEnd(28)} ${rest}`.trimEnd());
}

export function print(text) {
  process.stdout.write(`${text}\n`);
}
