/**
 * Carries out healing's steps, one executor per kind: a step without an executor does not compile. Whatever must be known
 * after a power cut is on disk before the act; nothing is decided here.
 */
import type { Member, MemberId } from '@etcd-agent/etcd';
import type { MemberSpec } from '@etcd-agent/protocol';
import { quarantineDataDir, recordDataDir } from '../data-dir.js';
import { installConf, installPems } from '../etcd-files.js';
import { clearStart, leftRest, ownerOf } from '../etcd-start.js';
import type { AgentHost } from '../host.js';
import { storedPems } from '../node-keys.js';
import { etcdUnit } from '../unit.js';
import type { EventLog } from './events.js';
import type { Journal } from './journal.js';
import type { Look } from './look.js';
import { proveWrite, throughAny, votersBut } from './membership-calls.js';
import type { HealStore } from './memory.js';
import { isCondemned } from './plan/continue-repair.js';
import type { Picture } from './plan/picture.js';
import type { Decision, HealStep } from './plan/step.js';
import { pruneQuarantines } from './quarantines.js';

/** An etcd whose data is condemned needs no long goodbye; one that hangs gets a SIGKILL after this. */
const stopMsMax = 5_000;

/** What a step is carried out with. */
export interface Act {
  readonly host: AgentHost;
  readonly heal: HealStore;
  readonly events: EventLog;
  /** With the member id that holds now. */
  readonly spec: MemberSpec;
  readonly look: Look;
  readonly picture: Picture;
  readonly decision: Decision;
  /** Where the WAL ends is read, and kept for the next pictures. */
  readonly checkDisk: () => Promise<void>;
  readonly onStart: () => void;
  /**
   * Asked right before what cannot be taken back. Throws where the look that this was decided from is old by now: the process
   * may have been stopped between any two writes.
   */
  readonly stillFresh: () => void;
}

type Executors = {
  readonly [K in HealStep['kind']]: (act: Act, step: Extract<HealStep, { kind: K }>) => Promise<void>;
};

/** Steps that change the membership or take a member out of service: decided again under the lock. */
export const lockedSteps: ReadonlySet<HealStep['kind']> = new Set([
  'stopVoter',
  'removeMember',
  'addMember',
  'promote',
  'takeBack',
  'removeOrphan',
  'restartEtcd',
  'disarm',
]);

export const healExecutors: Executors = {
  async beginRepair({ host, heal, spec, picture, decision }, { oldId }) {
    const { dataDir } = spec.etcd;
    const { dir } = picture.data;
    await heal.keepJournal({
      schema: 1,
      id: host.chance.uuid(),
      rule: decision.rule,
      why: decision.why.slice(0, 500),
      startedAt: host.clock.now().toISOString(),
      stage: 'begun',
      bootstrapId: spec.cluster.bootstrapId,
      clusterId: spec.cluster.clusterId,
      oldId,
      condemned: dir === undefined ? null : { path: dataDir, ...dir },
      quarantines: [],
      joining: false,
      attempts: 0,
    });
    await heal.change(({ order: _, ...memory }) => memory);
  },

  async abandonRepair({ heal }) {
    await heal.closeJournal();
  },

  async moveLeader(act, { to }) {
    await journal(act, { stage: 'movingLeader' });
    const own = act.look.endpoints.find(({ node }) => node === act.spec.node)?.admin;
    await own?.moveLeader(to);
  },

  async stopEtcd(act) {
    const { decision, heal } = act;
    const fencedBy = decision.rule === 'fence' ? decision.evidence.generation : undefined;
    // On disk first: the agent that told of it may be gone when this one looks again.
    if (typeof fencedBy === 'number') await heal.change((memory) => ({ ...memory, fencedBy }));
    if (act.picture.journal !== undefined) await journal(act, { stage: 'stopping' });
    act.stillFresh();
    await act.host.services.stop(stopMsMax);
    await act.host.files.remove(act.host.paths.permit);
  },

  async stopVoter(act) {
    await journal(act, { stage: 'stopping' });
    act.stillFresh();
    await act.host.services.stop(stopMsMax);
    await act.host.files.remove(act.host.paths.permit);
  },

  async removeMember(act, { id }) {
    await journal(act, { stage: 'removing' });
    act.stillFresh();
    await throughAny(voters(act, id), (admin) => admin.memberRemove(id));
  },

  async quarantineData(act) {
    const { host, spec, picture } = act;
    const known = picture.journal!;
    // What the running repair has put there itself is condemned by its own journal.
    if (!known.joining && !isCondemned(picture, known))
      throw new Error(`${spec.etcd.dataDir} is not the directory that was condemned: it is left alone`);
    await journal(act, { stage: 'quarantining' });
    await recordDataDir(host, spec, 'retired');
    const to = await quarantineDataDir(host, spec.etcd.dataDir, known.id, async (path) => {
      await journal(act, { quarantines: listed([...known.quarantines, path]) });
      act.stillFresh();
    });
    if (to === null) return;
    // Under an id that was added there is no second start on an empty directory: what may have run stays on record.
    await journal(act, { joining: known.newId === undefined ? false : known.joining });
  },

  async addMember(act, { role }) {
    await journal(act, { stage: 'adding' });
    act.stillFresh();
    const peerURLs = act.spec.etcd.initialAdvertisePeerURLs;
    const added = await throughAny(voters(act, undefined), (admin) => admin.memberAdd(peerURLs, role));
    await journal(act, { stage: 'added', newId: added.id, joining: false });
  },

  async adoptEntry(act, { id }) {
    await journal(act, { stage: 'added', newId: id, joining: false });
  },

  async startJoin(act, { id }) {
    const { host, spec, picture } = act;
    const { files, paths, services } = host;
    if (picture.cluster.kind === 'unknown') return;
    const pems = await storedPems(host);
    if (pems !== undefined) await installPems(host, pems);
    const owner = await ownerOf(host);
    const options = owner === undefined ? { mode: 0o700 } : { mode: 0o700, owner };
    await files.makeDirectory(spec.etcd.dataDir, options);
    await recordDataDir(host, spec, 'claimed');
    await installConf(
      host,
      { ...spec, initialCluster: initialCluster(spec, picture.cluster.members) },
      'existing',
    );
    await services.install(await etcdUnit(host, spec));
    await services.enable();
    await clearStart(host);
    await files.makeDirectory(paths.runDir, { mode: 0o755 });
    act.stillFresh();
    await journal(act, { stage: 'joining', joining: true });
    await files.writeAtomic(paths.permit, `${id}\n`, { mode: 0o644 });
    await services.start();
    await leftRest(host);
    act.onStart();
  },

  async takeBack(act, { id }) {
    act.stillFresh();
    await throughAny(voters(act, id), (admin) => admin.memberRemove(id));
    await forget(act);
  },

  async forgetEntry(act) {
    await forget(act);
  },

  async promote(act, { id }) {
    if (act.picture.journal !== undefined) await journal(act, { stage: 'promoting' });
    act.stillFresh();
    await throughAny(voters(act, id), (admin) => admin.memberPromote(id));
  },

  async finishRepair(act, { id }) {
    const { host, heal, spec, look } = act;
    const own = look.endpoints.find(({ node }) => node === spec.node)?.admin;
    if (own === undefined) return;
    await proveWrite(own, spec.node);
    await journal(act, { stage: 'finishing' });
    const done = act.picture.journal!;
    const endedAt = host.clock.now().toISOString();
    await heal.change(({ order: _, ...memory }) => ({
      ...memory,
      member: { bootstrapId: spec.cluster.bootstrapId, memberId: id },
      history: [
        ...memory.history.filter(({ newMemberId }) => newMemberId !== id),
        {
          rule: done.rule,
          startedAt: done.startedAt,
          endedAt,
          oldMemberId: done.oldId,
          newMemberId: id,
          quarantines: done.quarantines,
        },
      ],
      counters: counted(memory.counters, `repairs_total{rule="${done.rule}"}`),
    }));
    await heal.closeJournal();
    await pruneQuarantines(host, heal, spec);
  },

  async adoptMember({ heal, spec, host }, { id }) {
    await heal.change((memory) => ({
      ...memory,
      member: { bootstrapId: spec.cluster.bootstrapId, memberId: id },
    }));
    await recordDataDir(host, spec, 'begun');
  },

  async checkDisk({ checkDisk }) {
    await checkDisk();
  },

  async startEtcd({ host, spec, onStart, picture, heal, stillFresh }) {
    const pems = picture.files.kind === 'damaged' ? await storedPems(host) : undefined;
    if (pems !== undefined) await installPems(host, pems);
    await host.services.install(await etcdUnit(host, spec));
    await clearStart(host);
    stillFresh();
    await host.services.start();
    await leftRest(host);
    onStart();
    if (picture.journal === undefined) await count(host, heal, 'etcd_starts_total');
  },

  async restartEtcd({ host, heal, onStart, stillFresh }) {
    stillFresh();
    await host.services.stop(stopMsMax);
    await host.services.start();
    onStart();
    await count(host, heal, 'etcd_restarts_total');
  },

  async restoreFiles({ host, spec }) {
    const pems = await storedPems(host);
    if (pems === undefined) return;
    await installPems(host, pems);
    await installConf(host, spec, 'existing');
    await host.services.install(await etcdUnit(host, spec));
  },

  async disarm(act, { alarms }) {
    const [admin] = voters(act, undefined);
    if (admin === undefined) return;
    for (const alarm of alarms) await admin.disarm(alarm);
    await proveWrite(admin, act.spec.node);
  },

  async removeOrphan(act, { id }) {
    act.stillFresh();
    await throughAny(voters(act, id), (admin) => admin.memberRemove(id));
  },
};

export async function executeHeal(executors: Executors, act: Act): Promise<void> {
  const { step } = act.decision;
  const run = executors[step.kind] as (act: Act, step: HealStep) => Promise<void>;
  await run(act, step);
}

function voters({ look, picture }: Act, but: MemberId | undefined) {
  return picture.cluster.kind === 'unknown' ? [] : votersBut(look.endpoints, picture.cluster.members, but);
}

async function journal({ heal }: Act, change: Partial<Journal>): Promise<void> {
  const known = await heal.journal();
  if (known === undefined) throw new Error('there is no repair to go on with');
  await heal.keepJournal({ ...known, ...change });
}

/** The original data, and the latest of what failed tries have left: a journal has room for so many. */
function listed(quarantines: readonly string[]): string[] {
  return quarantines.length <= 20 ? [...quarantines] : [quarantines[0]!, ...quarantines.slice(-19)];
}

async function forget(act: Act): Promise<void> {
  const { newId: _, ...known } = (await act.heal.journal())!;
  await act.heal.keepJournal({ ...known, stage: 'adding', joining: true, attempts: known.attempts + 1 });
}

/** From the list that the cluster gave after the entry was added: the topology may know other members. */
function initialCluster(spec: MemberSpec, members: readonly Member[]): MemberSpec['initialCluster'] {
  return members.map(({ id, name, peerURLs }) => ({
    // One that has not started has no name yet, and needs one here.
    name: nameOf(spec, peerURLs) ?? (name || `member-${id}`),
    memberId: id,
    peerURLs: [...peerURLs],
  }));
}

function nameOf(spec: MemberSpec, peerURLs: readonly string[]): string | undefined {
  return spec.initialCluster.find((each) => each.peerURLs.some((url) => peerURLs.includes(url)))?.name;
}

/** A disk of the agent's that is full is no reason not to start etcd, whose own may have room. */
async function count({ log }: Pick<AgentHost, 'log'>, heal: HealStore, name: string): Promise<void> {
  await heal
    .change((memory) => ({ ...memory, counters: counted(memory.counters, name) }))
    .catch((error: unknown) => log.warn({ err: error }, `${name} was not counted`));
}

function counted(counters: Readonly<Record<string, number>>, name: string): Record<string, number> {
  return { ...counters, [name]: (counters[name] ?? 0) + 1 };
}
