/**
 * Starting etcd, under rule one: nobody starts etcd on an empty data dir but the bootstrap that this spec belongs to,
 * once, under a permit that names the member.
 */
import { Fault } from '@etcd-agent/protocol';
import { claimDataDir, judgeDataDir, quarantineDataDir, recordDataDir } from './data-dir.js';
import { installConf } from './etcd-files.js';
import { effectiveSpec } from './heal/effective-spec.js';
import { type AgentHost, etcdAccount } from './host.js';

/** How long etcd may take to end before it is killed. It ends within a second unless its disk hangs. */
const stopMsMax = 15_000;
/** How long a service manager may take to begin what it has accepted. */
const startMsMax = 5_000;

/**
 * Starts etcd for the applied spec and returns when the service manager has accepted it. Nothing happens when it
 * runs already. Refused (nothing changed): no spec of this bootstrap; a foreign data dir; a data dir that has had
 * a WAL, or was given up by a reset, and has none now.
 */
export async function startEtcd(
  host: AgentHost,
  bootstrapId: string,
  /** Why the data must not be started, where it has a WAL: it is behind what other agents remember of its member. */
  objection: () => Promise<string | undefined> = async () => undefined,
): Promise<{ started: boolean }> {
  const { store, files, services, paths } = host;
  const spec = await effectiveSpec(host);
  if (spec === undefined || spec.cluster.bootstrapId !== bootstrapId) {
    throw new Fault(
      'refused',
      `this node has no spec of bootstrap ${bootstrapId}`,
      'Run coordinator bootstrap again.',
    );
  }
  const state = await services.observe();
  if (state.kind === 'active' || state.kind === 'activating') return { started: false };
  const [repair, memory] = await Promise.all([host.heal.journal(), host.heal.read()]);
  if (repair?.bootstrapId === bootstrapId) {
    throw new Fault(
      'refused',
      `this node is being repaired (${repair.stage}), which starts etcd itself`,
      `coordinator explain ${spec.node}`,
    );
  }
  const record = await store.dataDirRecord();
  const view = await judgeDataDir(files, spec.etcd, { record, spec });
  const hasWal = view.kind === 'ours' && view.wal.kind === 'present';
  if (!hasWal) {
    const joined = memory.member?.bootstrapId === bootstrapId;
    if (joined || (record?.bootstrapId === bootstrapId && record.stage !== 'claimed')) {
      throw new Fault(
        'refused',
        `data dir ${spec.etcd.dataDir} had the data of member ${spec.memberId} and has none now: an empty start would forget acknowledged writes`,
        record?.stage === 'retired'
          ? 'Its data was moved aside by --reset: coordinator bootstrap --reset finishes that and begins anew.'
          : `Its agent takes it out and back in: coordinator explain ${spec.node}`,
      );
    }
    await claimDataDir(host, spec, await ownerOf(host));
    await installConf(host, spec, 'new');
    await files.makeDirectory(paths.runDir, { mode: 0o755 });
    await files.writeAtomic(paths.permit, `${spec.memberId}\n`, { mode: 0o644 });
  }
  const why = hasWal ? await objection() : undefined;
  if (why !== undefined)
    throw new Fault(
      'refused',
      `the data of ${spec.node} is not started: ${why}`,
      `coordinator explain ${spec.node}`,
    );
  await clearStart(host);
  await services.enable();
  await services.start();
  await leftRest(host);
  return { started: true };
}

/** Says to whoever starts etcd that this boot's disk has been looked at. */
export async function clearStart({ files, paths, machine }: AgentHost): Promise<void> {
  await files.makeDirectory(paths.runDir, { mode: 0o755 });
  await files.writeAtomic(paths.clearance, `${await machine.bootId()}\n`, { mode: 0o644 });
}

// systemd takes a start as a job and looks at the unit's conditions a moment later. Until then the unit still looks as if
// nothing were being started, and the permit must not be taken back for that.
export async function leftRest({ services, clock }: AgentHost): Promise<void> {
  const deadline = clock.monotonicMs() + startMsMax;
  const atRest = ['inactive', 'conditionFailed', 'failed'];
  while (atRest.includes((await services.observe()).kind) && clock.monotonicMs() < deadline)
    await clock.sleep(20);
}

/**
 * Stops etcd and moves a data dir of this bootstrap aside. Refused for data of anybody else. That this bootstrap is given
 * up here is on disk before anything moves: from then on none of its members starts empty on this host.
 */
export async function quarantine(host: AgentHost, bootstrapId: string): Promise<{ movedTo: string | null }> {
  const { store, files, services, paths } = host;
  const [spec, record] = await Promise.all([effectiveSpec(host), store.dataDirRecord()]);
  if (spec === undefined) return { movedTo: null };
  const { dataDir } = spec.etcd;
  const view = await judgeDataDir(files, spec.etcd, { record, spec });
  const ours = view.kind === 'ours' && view.bootstrapId === bootstrapId;
  if (view.kind !== 'missing' && view.kind !== 'empty' && !ours) {
    throw new Fault('refused', `data dir ${dataDir} is not of bootstrap ${bootstrapId}: it is left alone`);
  }
  await services.stop(stopMsMax);
  await files.remove(paths.permit);
  if (spec.cluster.bootstrapId === bootstrapId) await recordDataDir(host, spec, 'retired');
  return { movedTo: ours ? await quarantineDataDir(host, dataDir, bootstrapId) : null };
}

/** Who owns etcd's files; undefined: the agent's own account. Throws a Fault where the account is missing. */
export async function ownerOf(host: AgentHost) {
  const account = await etcdAccount(host);
  if (account.kind === 'missing') {
    throw new Fault(
      'failed',
      `there is no account ${account.name} on this host`,
      'Install the etcd package.',
    );
  }
  return account.kind === 'account' ? account.owner : undefined;
}
