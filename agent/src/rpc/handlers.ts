/**
 * What the agent answers, method by method. Thin: each handler checks what only it can check and calls what does the
 * work. Roles were checked before by the method table.
 */
import { type AgentMethods, Fault, type Handlers, type MemberSpec, type Waiting } from '@etcd-agent/protocol';
import type { Caretaker } from '../caretaker.js';
import { judgeDataDir } from '../data-dir.js';
import type { Caller } from '../door.js';
import { installConf } from '../etcd-files.js';
import { quarantine, startEtcd } from '../etcd-start.js';
import { effectiveSpec } from '../heal/effective-spec.js';
import type { AgentHost } from '../host.js';
import type { Installer } from '../install/installer.js';
import { fingerprints, installCertificates, requestCertificates } from '../node-keys.js';
import { type AgentSelf, observeNode } from '../observe.js';
import { refuseUnderOperation } from '../operation/held.js';
import type { SnapshotSchedule } from '../snapshots/schedule.js';
import type { Snapshots } from '../snapshots/snapshots.js';
import type { StoredIdentity } from '../store.js';
import { etcdUnit } from '../unit.js';
import { healHandlers } from './heal-handlers.js';
import { withHostFaults } from './host-faults.js';
import { operationHandlers } from './operation-handlers.js';
import type { Preflight } from './preflight.js';
import { probeAll } from './probe.js';
import { withRefusals } from './refusals.js';
import { roomHandlers } from './room-handlers.js';
import { snapshotHandlers } from './snapshot-handlers.js';

/** What one connection may use. */
export interface CallContext {
  readonly host: AgentHost;
  readonly self: AgentSelf;
  readonly identity: StoredIdentity;
  readonly caller: Caller;
  readonly preflight: Preflight;
  readonly installer: Installer;
  readonly snapshots: Snapshots;
  readonly schedule: SnapshotSchedule;
  /** Its `alone` runs one change at a time, the loops' own steps included. */
  readonly caretaker: Caretaker;
  /** The spec changed: the loops and the door should look again. */
  readonly onSpec: (spec: MemberSpec) => void;
}

const answers: Handlers<AgentMethods, CallContext> = {
  async 'agent.hello'(_params, { host, self, identity }) {
    // The coordinator speaks to the new identity: the token has done its work on both sides.
    const token = await host.store.joinToken();
    if (token?.id === identity.tokenId) await host.store.burnJoinToken();
    const spec = await host.store.spec();
    return {
      cluster: identity.cluster,
      node: identity.node,
      version: self.version,
      now: host.clock.now().toISOString(),
      generation: spec?.generation ?? 0,
    };
  },

  async 'peer.whoami'(_params, { self, caller }) {
    return { node: self.node, sourceAddress: caller.channel.remoteAddress };
  },

  'node.observe': ({ etcd }, { host, self, caretaker }) =>
    observeNode(host, self, waitingOf(caretaker), { askEtcd: etcd !== 'leave' }),

  'preflight.begin': (params, { preflight }) => preflight.begin(params),

  async 'preflight.probe'({ nonce, targets }, { identity }) {
    return { results: await probeAll(identity, nonce, targets) };
  },

  async 'preflight.end'(_params, { preflight }) {
    await preflight.end();
    return {};
  },

  'install.look': (_params, { installer }) => installer.look(),
  'install.begin': (file, { installer }) => installer.begin(file),
  'install.piece': (piece, { installer }) => installer.piece(piece),
  'install.file': ({ sha256 }, { installer }) => installer.file(sha256),
  'install.package': (_params, { installer }) => installer.package(),

  'pki.request': ({ key }, { host, caretaker: { alone } }) => alone(() => requestCertificates(host, key)),

  'pki.install': (issued, { host, caretaker: { alone } }) =>
    alone(async () => {
      await installCertificates(host, issued);
      host.log.info(fingerprints(issued), 'certificates installed');
      return fingerprints(issued);
    }),

  async 'spec.get'(_params, { host }) {
    return { spec: (await host.store.spec()) ?? null };
  },

  'spec.apply': ({ spec }, { host, identity, caretaker: { alone }, onSpec }) =>
    alone(async () => {
      const changed = await applySpec(host, identity, spec);
      onSpec(spec);
      return { changed };
    }),

  'etcd.start': ({ bootstrapId }, { host, caretaker: { alone, onStart, healer }, preflight }) =>
    alone(async () => {
      await refuseUnderOperation(host);
      await preflight.end();
      const outcome = await startEtcd(host, bootstrapId, () => healer.objectionToStart());
      host.log.info({ bootstrapId, ...outcome }, 'etcd start');
      onStart();
      return outcome;
    }),

  'etcd.quarantine': ({ bootstrapId }, { host, caretaker: { alone } }) =>
    alone(async () => {
      await refuseUnderOperation(host);
      const { movedTo } = await quarantine(host, bootstrapId);
      host.log.warn({ bootstrapId, movedTo }, 'data dir moved aside');
      const [spec, record] = await Promise.all([effectiveSpec(host), host.store.dataDirRecord()]);
      const dataDir =
        spec === undefined
          ? ({ kind: 'missing' } as const)
          : await judgeDataDir(host.files, spec.etcd, { record, spec });
      return { movedTo, dataDir };
    }),

  ...healHandlers,
  ...roomHandlers,
  ...snapshotHandlers,
  ...operationHandlers,
};

export const handlers = withHostFaults<AgentMethods, CallContext>(withRefusals(answers));

/**
 * Refused: another cluster or node; an older generation; the same generation with other content; a spec of another
 * bootstrap while data of the former one is in place.
 */
export async function applySpec(
  host: AgentHost,
  identity: StoredIdentity,
  spec: MemberSpec,
): Promise<boolean> {
  if (spec.cluster.name !== identity.cluster || spec.node !== identity.node) {
    throw new Fault(
      'refused',
      `the spec is for ${spec.cluster.name}/${spec.node}, this is ${identity.cluster}/${identity.node}`,
    );
  }
  const [known, current] = await Promise.all([host.store.spec(), effectiveSpec(host)]);
  if (known !== undefined && spec.generation < known.generation) {
    throw new Fault(
      'staleGeneration',
      `generation ${spec.generation} is older than ${known.generation}, which ${spec.node} already has`,
      'Another coordinator state is newer: use it, or carry it over: coordinator state export FILE there, coordinator --state NEWDIR state import FILE here.',
    );
  }
  const same = known !== undefined && JSON.stringify(known) === JSON.stringify(spec);
  if (known !== undefined && spec.generation === known.generation && !same) {
    throw new Fault('staleGeneration', `generation ${spec.generation} is already known with other content`);
  }
  // An operator has put this cluster in the place of that one: its data is moved aside by the operation, or by a repair.
  const isFormer = spec.cluster.previous?.some(({ clusterId }) => clusterId === known?.cluster.clusterId);
  if (known !== undefined && known.cluster.bootstrapId !== spec.cluster.bootstrapId && isFormer !== true) {
    const record = await host.store.dataDirRecord();
    const view = await judgeDataDir(host.files, known.etcd, { record, spec: current });
    if (view.kind === 'ours') {
      throw new Fault(
        'refused',
        `data of bootstrap ${known.cluster.bootstrapId} is still in ${known.etcd.dataDir}`,
        `Where the new bootstrap is not finished: coordinator bootstrap --reset moves it aside. Where it is, this host came back from a former one: move that data and ${host.paths.stateDir} away, then coordinator token ${spec.node} --replace, as for a reinstalled host.`,
      );
    }
  }
  await host.store.keepSpec(spec);
  const applied = (await effectiveSpec(host))!;
  const record = await host.store.dataDirRecord();
  const view = await judgeDataDir(host.files, spec.etcd, { record, spec: applied });
  const begun = (view.kind === 'ours' && view.wal.kind === 'present') || record?.stage === 'begun';
  // A repair under way has the list that it joins by in there.
  const joins = (await host.heal.journal())?.bootstrapId === spec.cluster.bootstrapId;
  // Nobody of a restored cluster begins empty.
  const state = begun || spec.cluster.previous !== undefined ? 'existing' : 'new';
  const confChanged = joins ? false : await installConf(host, applied, state);
  const unit = await host.services.install(await etcdUnit(host, applied));
  return !same || confChanged || unit.changed;
}

/** What both loops wait for. */
function waitingOf({ waiting, healer }: Caretaker): readonly Waiting[] {
  return [...waiting(), ...(healer.seen()?.plan.waiting ?? [])];
}
