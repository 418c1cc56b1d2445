/**
 * What the product is for, shown on this machine from nothing to nothing: agents, enrolment, bootstrap, a client that writes
 * all the time, one member killed and its data deleted, the repair as it happens, every acknowledged write found again,
 * and everything gone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAdminCredentials } from '../authority.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { type AdminCredentials, viewCluster } from '../cluster/probe-members.js';
import { type ExitName, Failure } from '../failure.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import type { Progress } from '../progress.js';
import { breakNode, faultWords } from './break-node.js';
import { followHealing, newestEvent, type StoryLine, storyText } from './follow-healing.js';
import { onInterruption, settled, untilAborted } from './interruption.js';
import { layout } from './layout.js';
import { down, up } from './playground.js';
import { missingOf, startWriter, type Written } from './steady-writer.js';
import { victimOf } from './victim.js';

/** Quorum must survive the loss of one. */
const demoNodesMin = 3;
/** How long the client writes before the fault and after the repair. */
const calmMs = 1_500;
const healMsMax = 60_000;

interface Run {
  readonly cluster: Cluster;
  readonly credentials: AdminCredentials;
  readonly dir: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly tell: (text: string) => void;
}

/** `print` shows the cluster while it stands; `tell` what happens to it; what is returned comes when it is gone. */
export async function demo(
  etcd: string,
  nodes: number,
  progress: Progress,
  print: (view: View) => Promise<void>,
  tell: (text: string) => void,
): Promise<View> {
  if (nodes < demoNodesMin) {
    throw new Failure({
      exit: 'usage',
      what: `--nodes ${nodes}: a cluster of fewer than ${demoNodesMin} cannot lose a member and heal`,
    });
  }
  const dir = await mkdtemp(join(tmpdir(), 'etcd-demo-'));
  const interruption = onInterruption();
  const interrupted = interruption.happened.then(() => {
    throw new Failure({ exit: 'interrupted', what: 'interrupted; everything was stopped and removed' });
  });
  interrupted.catch(() => {});
  const { signal } = interruption;
  let exit: ExitName = 'failed';
  const running = show(dir, etcd, nodes, { progress: untilAborted(progress, signal), signal, tell });
  try {
    // The work may notice the interruption first, and says less of it.
    const shown = await Promise.race([
      running.catch((error: unknown) => (signal.aborted ? interrupted : Promise.reject(error))),
      interrupted,
    ]);
    await print(shown);
    exit = shown.exit ?? 'ok';
  } finally {
    // What is being started must be known before it can be stopped, and what writes must have ended before it is removed.
    await settled(running);
    await down(dir, progress, { remove: true });
    await settled(running);
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  return {
    document: undefined,
    table: undefined,
    exit,
    notes: [
      'Everything was stopped and removed.',
      'next: ./node_modules/.bin/coordinator playground up makes such a cluster for you to try, and playground break breaks it',
    ],
  };
}

async function show(
  dir: string,
  etcd: string,
  nodes: number,
  io: Pick<Run, 'progress' | 'signal' | 'tell'>,
): Promise<View> {
  const { progress, signal } = io;
  const cluster = await up({ dir, nodes, etcd, progress });
  const credentials = await readAdminCredentials(cluster.state);
  const run: Run = { cluster, credentials, dir, ...io };
  const writer = await progress.phase('Start a client that writes unique keys all the time', () =>
    startWriter(cluster.places, credentials, signal),
  );
  let written: Written | undefined;
  try {
    const repair = await breakAndFollow(run, () => writer.count());
    await pause(calmMs);
    written = await writer.stop();
    return await summary(run, repair, written);
  } finally {
    if (written === undefined) await writer.stop();
  }
}

type Repair = Awaited<ReturnType<typeof breakAndFollow>>;

async function breakAndFollow({ cluster, credentials, dir, signal, tell }: Run, writes: () => number) {
  await pause(calmMs);
  const at = layout(dir);
  const victim = await victimOf('follower', at, cluster, await viewCluster(cluster.places, credentials));
  const { place, memberId } = victim;
  const afterEvent = await newestEvent(cluster, place);
  const story: StoryLine[] = [];
  const add = (line: StoryLine) => {
    story.push(line);
    tell(storyText(line));
  };
  tell(`${writes()} writes so far. Now ${place.name}, a follower, loses everything:`);
  signal.throwIfAborted();
  const faultAt = Date.now();
  await breakNode('wipe', victim, credentials);
  add({ atMs: 0, node: place.name, text: faultWords.wipe });
  const healed = await followHealing({
    cluster,
    credentials,
    place,
    afterEvent,
    faultAt,
    formerMemberId: memberId,
    formerEtcd: victim.etcd,
    tell: add,
    signal,
    timeoutMs: healMsMax,
  });
  return { place, memberBefore: memberId, story, ...healed };
}

async function summary(
  { cluster, credentials, progress }: Run,
  repair: Repair,
  written: Written,
): Promise<View> {
  const { places } = cluster;
  const { place, memberBefore, memberId, healMs, story } = repair;
  const { acknowledged, refused, longestStallMs } = written;
  const missing = await progress.phase(`Read every acknowledged write through ${place.name}`, () =>
    missingOf(acknowledged, place, credentials),
  );
  const seen = await viewCluster(places, credentials);
  const members = memberRows(places, seen);
  const found = acknowledged.size - missing.length;
  return {
    document: {
      kind: 'Demo',
      members,
      health: seen.endpoints.map(({ endpoint, health }) => ({ endpoint, ...health })),
      fault: { node: place.name, kind: 'wipe', memberBefore, memberAfter: memberId },
      story,
      healMs,
      writes: {
        acknowledged: acknowledged.size,
        found,
        missing: missing.slice(0, 20),
        refused,
        longestStallMs: Math.round(longestStallMs),
      },
    },
    table: [
      memberTable(members),
      '',
      ...seen.endpoints.map(healthLine),
      '',
      `time to heal         ${(healMs / 1000).toFixed(1)} s: ${place.name}, member ${memberBefore} -> ${memberId}`,
      `acknowledged writes  ${acknowledged.size}, found again ${found}, missing ${missing.length}`,
      `longest write stall  ${Math.round(longestStallMs)} ms`,
    ].join('\n'),
    exit: missing.length === 0 ? 'ok' : 'failed',
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
