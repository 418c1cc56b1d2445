/** `coordinator playground break NODE`: one fault, and the repair that follows it. */
import { readAdminCredentials } from '../authority.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import { type AdminCredentials, viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import {
  breakNode,
  type Fault,
  faults,
  faultWords,
  losesMember,
  type Victim,
} from '../playground/break-node.js';
import { followHealing, newestEvent, type StoryLine, storyText } from '../playground/follow-healing.js';
import { onInterruption } from '../playground/interruption.js';
import { layout, playgroundDir, readMark, runningAgents } from '../playground/layout.js';
import { victimOf } from '../playground/victim.js';

export interface BreakFlags {
  readonly dir: string | undefined;
  readonly faults: readonly Fault[];
  readonly follow: boolean;
  readonly timeoutMs: number;
}

/** `tell` shows what happens as it happens. Throws Failure where it is not healthy in time. */
export async function playgroundBreak(
  name: string,
  flags: BreakFlags,
  tell: (text: string) => void,
): Promise<View> {
  const [fault, ...more] = flags.faults;
  if (fault === undefined || more.length > 0) {
    const given = flags.faults.map((each) => `--${each}`).join(' ');
    throw new Failure({
      exit: 'usage',
      what: fault === undefined ? 'no fault was named' : `${given}: one fault at a time`,
      next: `name exactly one: ${faults.map((each) => `--${each}`).join(', ')}`,
    });
  }
  const dir = playgroundDir(flags.dir);
  const cluster = await openPlayground(dir);
  const credentials = await readAdminCredentials(cluster.state);
  const seen = await viewCluster(cluster.places, credentials);
  const victim = await victimOf(name, layout(dir), cluster, seen);
  await requireAgent(dir, victim);
  const afterEvent = await newestEvent(cluster, victim.place);
  const interruption = onInterruption();
  const story: StoryLine[] = [];
  const add = (line: StoryLine) => {
    story.push(line);
    tell(storyText(line));
  };
  const faultAt = Date.now();
  await breakNode(fault, victim, credentials);
  add({ atMs: 0, node: victim.place.name, text: faultWords[fault] });
  if (fault === 'hang') tell(undoText(cluster, victim));
  if (!flags.follow) return brokenView(fault, victim, cluster);
  const healed = await followHealing({
    cluster,
    credentials,
    place: victim.place,
    afterEvent,
    faultAt,
    formerMemberId: losesMember(fault) ? victim.memberId : undefined,
    // One that hangs may also be woken up by hand; no read goes through it before.
    formerEtcd: fault === 'hang' || fault === 'remove' ? undefined : victim.etcd,
    tell: add,
    signal: interruption.signal,
    timeoutMs: flags.timeoutMs,
  }).catch((error: unknown) => {
    throw interruption.signal.aborted ? leftAlone(cluster, victim) : error;
  });
  return healedView(fault, victim, { ...healed, story }, { cluster, credentials });
}

async function openPlayground(dir: string): Promise<Cluster> {
  if ((await readMark(layout(dir))) !== undefined) return openCluster(layout(dir).state);
  throw new Failure({
    exit: 'failed',
    what: `there is no playground in ${dir}`,
    next: 'coordinator playground up, or name it with --dir',
  });
}

/** Nobody heals without one. */
async function requireAgent(dir: string, { place }: Victim): Promise<void> {
  const mark = await readMark(layout(dir));
  if (mark !== undefined && (await runningAgents(mark)).has(place.name)) return;
  throw new Failure({
    exit: 'failed',
    what: `the agent of ${place.name} does not run, so that nobody would heal it; nothing was broken`,
    next: `coordinator playground up --dir ${dir}`,
  });
}

function undoText({ topology }: Cluster, { etcd }: Victim): string {
  return `to undo it: kill -CONT ${etcd.pid}; its agent restarts it after ${topology.healing.hang} without an answer`;
}

function brokenView(fault: Fault, { place, memberId, etcd }: Victim, { state }: Cluster): View {
  return {
    document: { kind: 'PlaygroundBreak', node: place.name, fault, memberBefore: memberId, pid: etcd.pid },
    table: `${place.name}: ${faultWords[fault]}`,
    notes: [`next: coordinator --state ${state.path} events --node ${place.name} --follow`],
  };
}

async function healedView(
  fault: Fault,
  { place, memberId }: Victim,
  healed: { readonly healMs: number; readonly memberId: string; readonly story: readonly StoryLine[] },
  { cluster, credentials }: { readonly cluster: Cluster; readonly credentials: AdminCredentials },
): Promise<View> {
  const seen = await viewCluster(cluster.places, credentials);
  const members = memberRows(cluster.places, seen);
  const { healMs, story } = healed;
  return {
    document: {
      kind: 'PlaygroundBreak',
      node: place.name,
      fault,
      memberBefore: memberId,
      memberAfter: healed.memberId,
      healMs,
      story,
      members,
    },
    table: [
      memberTable(members),
      '',
      ...seen.endpoints.map(healthLine),
      '',
      `time to heal  ${(healMs / 1000).toFixed(1)} s`,
    ].join('\n'),
  };
}

function leftAlone({ state }: Cluster, { place }: Victim): Failure {
  return new Failure({
    exit: 'interrupted',
    what: `no longer watching; the agent of ${place.name} goes on`,
    next: `coordinator --state ${state.path} events --node ${place.name} --follow`,
  });
}
