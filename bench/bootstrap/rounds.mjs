// Pairs of floor and ours, in turns: first one, then the other begins, so that whatever drifts on the machine hits both alike.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { floorFrom, runFloor } from './floor.mjs';
import { keyMs } from './key-time.mjs';
import { bootstrap, enrolledCluster, stop } from './product.mjs';
import { median, summary } from './statistics.mjs';

/** ≤ 1.25 × floor; with RSA keys the floor is floor + key time. */
const ratioMax = 1.25;
const p256 = { algo: 'ecdsa', size: 256 };

export async function measureRounds({ dir, etcd, rounds, timing, key }) {
  const label = `${key.algo} ${key.size}, heartbeat ${timing.heartbeatMs} ms, election ${timing.electionMs} ms`;
  const setDir = join(dir, label.replace(/\W+/g, '-'));
  // Not counted: it warms the disk cache, and its etcd.conf and certificates are the floor's. P-256 on the floor always.
  say(`${label}: warm-up`);
  const model = await enrolledCluster({ dir: join(setDir, 'model'), etcd, timing, key: p256 });
  await bootstrap(model);
  const members = floorFrom(model);
  await stop(model);
  const pairs = [];
  for (let round = 1; round <= rounds; round += 1) {
    const at = (name) => ({ dir: join(setDir, `${name}-${round}`), etcd, timing, key });
    const floor = async () => ({
      floorMs: await runFloor(members, at('floor')),
      keyMs: key.algo === 'rsa' ? await keyMs(key.size) : 0,
    });
    const turns = round % 2 === 1 ? [floor, () => ours(at('ours'))] : [() => ours(at('ours')), floor];
    const pair = Object.assign({}, await turns[0](), await turns[1]());
    pair.ratio = pair.wallMs / (pair.floorMs + pair.keyMs);
    pairs.push(pair);
    say(`${label}: round ${round} of ${rounds}: ${describe(pair)}`);
    for (const name of ['floor', 'ours']) rmSync(at(name).dir, { recursive: true, force: true });
  }
  return { ...timing, key, ratioMax, pairs, ...summaries(pairs) };
}

async function ours(options) {
  const cluster = await enrolledCluster(options);
  try {
    return { ...(await bootstrap(cluster)), agents: cluster.agents };
  } finally {
    await stop(cluster);
  }
}

function summaries(pairs) {
  const of = (name) => summary(pairs.map((pair) => pair[name]));
  const phases = pairs[0].phases.map(({ name }, index) => ({
    name,
    medianMs: median(pairs.map((pair) => pair.phases[index].ms)),
  }));
  return {
    floorMs: of('floorMs'),
    keyMs: of('keyMs'),
    oursMs: of('wallMs'),
    healthyMs: of('healthyMs'),
    ratio: of('ratio'),
    ratioOfMedians: of('wallMs').median / (of('floorMs').median + of('keyMs').median),
    coordinatorCpuSeconds: of('coordinatorCpuSeconds'),
    phases,
  };
}

function describe({ floorMs, keyMs: keys, wallMs, ratio }) {
  const made = keys > 0 ? ` + keys ${keys.toFixed(0)} ms` : '';
  return `floor ${floorMs.toFixed(0)} ms${made}, ours ${wallMs.toFixed(0)} ms, ratio ${ratio.toFixed(2)}`;
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
