// The result for people.

import { targets } from '../bootstrap/programs.mjs';
import { describe, print, range, row, verdict } from '../bootstrap/report.mjs';
import { stallBeyondMs } from './fault-rounds.mjs';

export function printTable({ machine, timing, faults, load, agents }) {
  print(describe(machine));
  print(
    `heartbeat ${timing.heartbeatMs} ms, election ${timing.electionMs} ms; default policy; medians (min–max)`,
  );
  for (const fault of faults) printFault(fault);
  if (load !== undefined) printLoad(load);
  if (agents !== undefined) printIdle(agents);
}

function printFault(measured) {
  const { name, fault, pairs, beyondMs, floorMs, oursMs, beyond, ratio, ratioOfMedians } = measured;
  print('');
  print(`${name}, ${pairs.length} pairs: from the kill to three healthy voters`);
  row(
    fault.wipe ? 'floor: the same repair by a script that knows' : 'floor: the bare restart',
    range(floorMs, 0, 'ms'),
  );
  row('ours: agents, nobody else', range(oursMs, 0, 'ms'));
  row('  beyond the floor, pair by pair', range(beyond, 0, 'ms'), verdict(beyond.median, beyondMs, 'ms'));
  row('  ratio of each pair', range(ratio, 2, ''));
  row('  ratio of the medians', ratioOfMedians.toFixed(2));
  const { floorStallMs, oursStallMs } = measured;
  row('longest write stall, floor', range(floorStallMs, 0, 'ms'));
  row(
    'longest write stall, ours',
    range(oursStallMs, 0, 'ms'),
    fault.role === 'follower'
      ? verdict(oursStallMs.max - floorStallMs.max, stallBeyondMs, 'ms beyond the floor')
      : '',
  );
  if (!fault.wipe) return;
  print('  when which step was done after the kill (medians)');
  for (const { name: step, medianMs } of measured.oursSteps) {
    const floor = measured.floorSteps.find((each) => each.name === step);
    row(
      `    ${step}`,
      `${medianMs.toFixed(0)} ms`,
      floor === undefined ? '' : `floor ${floor.medianMs.toFixed(0)} ms`,
    );
  }
}

function printLoad({ rounds, perSecond, writers, onOff, offOff }) {
  print('');
  print(
    `agents on beside agents off, ${perSecond} writes a second, then ${writers} writers at full speed; ${rounds} pairs of each kind`,
  );
  row('p99 off', range(onOff.p99Ms.second, 1, 'ms'));
  row('p99 on', range(onOff.p99Ms.first, 1, 'ms'));
  row(
    '  ratio on/off of each pair',
    range(onOff.p99Ms.ratio, 2, ''),
    within(onOff.p99Ms.ratio.median <= offOff.p99Ms.ratio.max),
  );
  row('  ratio off/off, for the spread', range(offOff.p99Ms.ratio, 2, ''));
  row('throughput of the bounded load, on', range(onOff.boundedPerSecond.first, 0, 'writes/s'));
  row('throughput at full speed, off', range(onOff.fullPerSecond.second, 0, 'writes/s'));
  row('throughput at full speed, on', range(onOff.fullPerSecond.first, 0, 'writes/s'));
  row(
    '  ratio on/off of each pair',
    range(onOff.fullPerSecond.ratio, 2, ''),
    within(onOff.fullPerSecond.ratio.median >= offOff.fullPerSecond.ratio.min),
  );
  row('  ratio off/off, for the spread', range(offOff.fullPerSecond.ratio, 2, ''));
}

/** Whether the median of the pairs on/off is no worse than what two equal windows have shown too. */
function within(isMet) {
  return `${isMet ? 'within' : 'MISSED: beyond'} the spread of off/off`;
}

function printIdle({ idle }) {
  print('');
  print('agents that have nothing to do, each of three');
  const { cpuPercent, memory, seconds } = idle;
  row(
    `CPU over ${seconds} s`,
    range(cpuPercent, 2, '% of a core'),
    verdict(cpuPercent.max, targets.idleCpuPercent, '%'),
  );
  row('RSS', range(memory.rss, 1, 'MB'), verdict(memory.rss.max, targets.idleRssMB, 'MB'));
  row('  of that its share (PSS)', range(memory.pss, 1, 'MB'));
  row('  of that its own (anonymous)', range(memory.anonymous, 1, 'MB'));
}
