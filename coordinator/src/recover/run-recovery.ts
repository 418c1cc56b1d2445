/**
 * Carries a recovery out that a person has agreed to: everything is saved and tried before anything is moved, and what was agreed to
 * is looked at again before each of the two. The moving itself is a restore's.
 */
import { featuresOf, parseEtcdVersion } from '@etcd-agent/etcd';
import type { Reached } from '../bootstrap/connect.js';
import { wantedPlaces } from '../cluster/finished.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import type { Operation } from '../operation.js';
import type { Progress } from '../progress.js';
import { type CarriedOut, recoverCommand } from '../restore/carry-out.js';
import { lookForRestore } from '../restore/look.js';
import { planRestore } from '../restore/plan/plan-restore.js';
import { type RestorableFile, readRestorable } from '../restore/restorable-file.js';
import { restoreCluster } from '../restore/restore-cluster.js';
import { sendAndTry } from '../restore/send-and-try.js';
import type { SavedSnapshot } from '../snapshots/save-snapshot.js';
import type { BootstrapRecord } from '../state/records.js';
import { lookForRecovery } from './look.js';
import { holdsStill, planRecover, type RecoverPlan, type Recovery } from './plan/plan-recover.js';
import { saveSurvivor, startSurvivors } from './save-survivors.js';

/** What one run works with. */
export interface RecoveryWork {
  readonly cluster: Cluster;
  readonly progress: Progress;
  readonly record: BootstrapRecord;
  /** Of every node that answers. */
  readonly reached: Reached;
  readonly wish: {
    readonly giveUp: readonly string[];
    readonly from: string | undefined;
    readonly timeoutMs: number;
  };
}

export async function lookAndPlan({
  cluster,
  progress,
  record,
  reached,
  wish,
}: RecoveryWork): Promise<RecoverPlan> {
  const places = wantedPlaces(cluster.places, record);
  const isWanted = ({ place }: { place: { name: string } }) => places.some(({ name }) => name === place.name);
  const wanted = { links: reached.links.filter(isWanted), failures: reached.failures.filter(isWanted) };
  const seen = await progress.phase('Ask every agent what its disk holds', () =>
    lookForRecovery(cluster, record, places, wanted),
  );
  return planRecover({ ...seen, givenUp: wish.giveUp, from: wish.from });
}

/** A snapshot of every survivor; returns the one that the cluster goes on from. */
export async function saveAll(
  work: RecoveryWork,
  plan: Recovery,
  audited: Operation,
  id: string,
  saved: SavedSnapshot[],
): Promise<RestorableFile> {
  const { cluster, progress, record, reached } = work;
  const stopped = plan.candidates.filter(({ survivor }) => survivor.etcd === 'stopped');
  if (stopped.length > 0) {
    const nodes = stopped.map(({ survivor }) => survivor.node);
    await audited.step(`start etcd on ${nodes.join(', ')}`, () =>
      progress.phase(`Start etcd on ${nodes.join(', ')}`, (report) =>
        startSurvivors(record.bootstrapId, nodes, reached, report),
      ),
    );
  }
  const now = await sameAsBefore(work, plan);
  await cluster.state.makeDirectory('survivors');
  await cluster.state.makeDirectory('survivors', id);
  let chosen: SavedSnapshot | undefined;
  for (const { survivor } of now.candidates) {
    const { node } = survivor;
    const isChosen = node === plan.chosen.survivor.node;
    if (survivor.etcd === 'stopped') {
      if (isChosen) throw notStarted(node, survivor.report.dataDir ?? '');
      continue;
    }
    const each = await audited.step(`save ${node}`, () =>
      progress.phase(`Save what ${node} has`, () =>
        saveSurvivor(cluster, survivor, cluster.state.file('survivors', id), reached),
      ),
    );
    saved.push(each);
    if (isChosen) chosen = each;
  }
  return readRestorable(chosen!.file);
}

export async function restoreFrom(
  work: RecoveryWork,
  plan: Recovery,
  audited: Operation,
  id: string,
  file: RestorableFile,
): Promise<CarriedOut> {
  const { cluster, progress, record, reached, wish } = work;
  const links = reached.links.filter(({ place }) => plan.takePart.includes(place.name));
  const content = await audited.step('try it on every node', () =>
    progress.phase(`Send what is saved to ${plan.takePart.join(', ')} and try it there`, (report) =>
      sendAndTry(file, links, report),
    ),
  );
  const { nodes, bumpRevision } = await assertRestorable(work, plan, { file, content });
  // The last moment at which nothing is lost: a host that came back may have made a quorum of them.
  await sameAsBefore(work, plan);
  return restoreCluster(
    { cluster, reached, progress, audited, timeoutMs: wish.timeoutMs },
    {
      before: record,
      etcdVersion: record.etcdVersion,
      operation: {
        kind: 'restore',
        id,
        command: recoverCommand,
        nodes: [...nodes],
        snapshot: { sha256: file.sha256, bytes: file.bytes, bumpRevision },
      },
    },
  );
}

/** What a person agreed to is what is done: there is no quorum still, and the same survivor is the one to go on from. */
async function sameAsBefore(work: RecoveryWork, before: Recovery): Promise<Recovery> {
  const { wish } = work;
  const now = await lookAndPlan({ ...work, wish: { ...wish, from: before.chosen.survivor.node } });
  if (now.kind === 'recover' && holdsStill(before, now, wish.from !== undefined)) return now;
  throw new Failure({
    exit: 'refused',
    what: 'the nodes are not as they were when this was agreed to; no data was moved',
    cause:
      now.kind === 'recover'
        ? `another survivor goes further now, or other nodes answer: ${now.recommended.survivor.node}, with ${now.takePart.join(', ')}`
        : now.kind === 'quorum'
          ? `there is a quorum again: reads go through ${now.through.join(', ')}`
          : 'others answer now, or their data counts again',
    next: 'coordinator recover',
  });
}

/** What the restore itself refuses. Throws Failure while nothing was moved. */
export async function assertRestorable(
  { cluster, record, reached }: RecoveryWork,
  { givenUp }: Recovery,
  tried: { file: RestorableFile; content: { revision: string; keys: number } } | undefined,
) {
  const plan = planRestore({
    nodes: await lookForRestore(cluster, record, reached),
    without: givenUp,
    unwanted: record.unwanted,
    snapshot: {
      bytes: tried?.file.bytes ?? 1,
      seal: 'right',
      isKubernetes: tried?.file.isKubernetes ?? false,
      content: tried?.content,
    },
    unsealed: false,
    bumpRevision: undefined,
    canBump: featuresOf(parseEtcdVersion(record.etcdVersion)!).bumpRevision,
  });
  if (plan.kind === 'restore') return plan;
  throw new Failure({
    exit: 'refused',
    what: 'this recovery must not begin; no data was moved',
    where: plan.refusals.map(({ what }) => what),
    next: [...new Set(plan.refusals.map(({ next }) => next.replaceAll('--without', '--give-up')))].join('\n'),
  });
}

function notStarted(node: string, dataDir: string): Failure {
  return new Failure({
    exit: 'refused',
    what: `etcd of ${node} does not start, so what it has cannot be saved whole; no data was moved`,
    cause: 'its database lacks the end of its log, and only its own etcd can write that into it',
    next: [
      `coordinator explain ${node}`,
      'another survivor: coordinator recover --from NODE',
      `or, as the last resort, its database without the end of its log: copy ${dataDir}/member/snap/db of ${node} here, then coordinator restore FILE --skip-hash-check`,
    ].join('\n'),
  });
}
