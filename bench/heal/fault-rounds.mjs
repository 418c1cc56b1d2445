// Pairs of floor and ours, in turns, so that whatever drifts on the machine hits both alike.
import { join } from 'node:path';
import { median, summary } from '../bootstrap/statistics.mjs';
import { repairByAgents, repairOnFloor } from './repairs.mjs';

const followerWiped = { role: 'follower', wipe: true };
/** Every fault, and what ours may take beyond the floor. */
export const faults = {
  'wiped-follower': [{ name: 'wiped follower', fault: followerWiped, beyondMs: () => 4_000 }],
  'wiped-leader': [
    {
      name: 'wiped leader',
      fault: { role: 'leader', wipe: true },
      beyondMs: ({ electionMs }) => 4_000 + electionMs,
    },
  ],
  killed: [
    { name: 'killed follower', fault: { role: 'follower', wipe: false }, beyondMs: () => 1_000 },
    {
      name: 'killed leader',
      fault: { role: 'leader', wipe: false },
      beyondMs: ({ electionMs }) => 1_000 + electionMs,
    },
  ],
  gib: [{ name: 'wiped follower, 1 GiB', fault: followerWiped, beyondMs: () => 4_000 }],
};
/** A repair may hold no write up for longer than this beyond the floor's longest. */
export const stallBeyondMs = 200;

/** Runs the rounds of one fault. `model`: what the floor starts with. */
export async function measureFault({ name, fault, beyondMs }, model, options) {
  const { dir, rounds, timing, fill } = options;
  const pairs = [];
  for (let round = 1; round <= rounds; round += 1) {
    const at = (side) => ({
      ...options,
      fault,
      fill,
      dir: join(dir, `${side}-${name.replace(/\W+/g, '-')}-${round}`),
    });
    const floor = async () => ({ floor: await twice(() => repairOnFloor(model, at('floor'))) });
    const ours = async () => ({ ours: await repairByAgents(at('ours')) });
    const turns = round % 2 === 1 ? [floor, ours] : [ours, floor];
    const pair = { ...(await turns[0]()), ...(await turns[1]()) };
    pairs.push(pair);
    process.stderr.write(
      `${name}: round ${round} of ${rounds}: floor ${pair.floor.healMs.toFixed(0)} ms (stall ${pair.floor.longestStallMs.toFixed(0)}), ` +
        `ours ${pair.ours.healMs.toFixed(0)} ms (stall ${pair.ours.longestStallMs.toFixed(0)})\n`,
    );
  }
  return { name, fault, beyondMs: beyondMs(timing), pairs, ...summaries(pairs) };
}

/** The floor must not fail, but a port may be taken by somebody else between a look at it and its use. */
async function twice(run) {
  try {
    return await run();
  } catch (error) {
    process.stderr.write(`the floor is tried again: ${error.message}\n`);
    return run();
  }
}

function summaries(pairs) {
  const of = (side, what) => summary(pairs.map((pair) => pair[side][what]));
  const [floorMs, oursMs] = [of('floor', 'healMs'), of('ours', 'healMs')];
  return {
    floorMs,
    oursMs,
    beyond: summary(pairs.map(({ floor, ours }) => ours.healMs - floor.healMs)),
    ratio: summary(pairs.map(({ floor, ours }) => ours.healMs / floor.healMs)),
    ratioOfMedians: oursMs.median / floorMs.median,
    floorStallMs: of('floor', 'longestStallMs'),
    oursStallMs: of('ours', 'longestStallMs'),
    floorSteps: stepsOf(pairs.map(({ floor }) => floor)),
    oursSteps: stepsOf(pairs.map(({ ours }) => ours)),
  };
}

/** The median moment of each step after the fault, and of health. */
function stepsOf(runs) {
  const names = [...new Set(runs.flatMap(({ atMs }) => Object.keys(atMs)))];
  const steps = names.map((name) => ({
    name,
    medianMs: median(runs.flatMap(({ atMs }) => atMs[name] ?? [])),
  }));
  return [...steps, { name: 'healthy', medianMs: median(runs.map(({ healMs }) => healMs)) }];
}
