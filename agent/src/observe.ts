/**
 * One look at this host: everything the plan and the coordinator want to know, as plain JSON. A part that cannot be
 * seen says so; the others are told all the same.
 */
import { EtcdError } from '@etcd-agent/etcd';
import { hostFacts, type ServiceState } from '@etcd-agent/platform';
import type {
  EtcdView,
  FilesView,
  MemberSpec,
  NodeSnapshot,
  ServiceStateView,
  Waiting,
} from '@etcd-agent/protocol';
import { judgeDataDir } from './data-dir.js';
import { viewConf } from './etcd-files.js';
import { effectiveSpec } from './heal/effective-spec.js';
import { filesFacts } from './heal/local-facts.js';
import type { AgentHost } from './host.js';
import { clientCredentials, storedPems, viewCertificates } from './node-keys.js';
import type { Local } from './plan/local.js';

/** Longest wait for an answer of our own etcd; a healthy one answers in milliseconds. */
const etcdAnswerMsMax = 1_500;

export interface AgentSelf {
  readonly node: string;
  readonly version: string;
  readonly startedAt: Date;
}

/** What the loop needs each tick: local files and the service manager, no etcd call. */
export type LocalView = Pick<NodeSnapshot, 'service' | 'dataDir' | 'conf'> & {
  readonly spec: MemberSpec | undefined;
  readonly permit: boolean;
  readonly dataDirStage: Local['stage'];
};

/** `lookAtService`: how the service manager is asked. */
export async function observeLocal(
  host: AgentHost,
  lookAtService = () => host.services.observe(),
): Promise<LocalView> {
  const { store, files, paths } = host;
  const [spec, record] = await Promise.all([effectiveSpec(host), store.dataDirRecord()]);
  const [service, dataDir, conf, permit] = await Promise.all([
    lookAtService(),
    spec === undefined
      ? ({ kind: 'unknown', why: 'no spec names one yet' } as const)
      : judgeDataDir(files, spec.etcd, { record, spec }),
    viewConf(host),
    files.exists(paths.permit),
  ]);
  const isOfSpec = record?.bootstrapId === spec?.cluster.bootstrapId;
  const ofOther = record?.stage === 'claimed' ? 'claimedForOther' : 'none';
  return {
    spec,
    service: viewService(service),
    dataDir,
    conf,
    permit,
    dataDirStage: isOfSpec ? (record?.stage ?? 'none') : ofOther,
  };
}

export async function observeNode(
  host: AgentHost,
  self: AgentSelf,
  waiting: readonly Waiting[],
  { askEtcd }: { readonly askEtcd: boolean },
): Promise<NodeSnapshot> {
  const local = await observeLocal(host);
  const [certificates, files, etcd, facts] = await Promise.all([
    viewCertificates(host),
    viewFiles(host, local.spec),
    askEtcd ? viewEtcd(host, local) : ({ kind: 'notAsked', why: 'the caller asked for files only' } as const),
    hostFacts(),
  ]);
  return {
    node: self.node,
    observedAt: host.clock.now().toISOString(),
    agent: {
      version: self.version,
      pid: process.pid,
      startedAt: self.startedAt.toISOString(),
      rssBytes: process.memoryUsage.rss(),
    },
    host: {
      hostname: facts.hostname,
      os: `${facts.os.distro} ${facts.os.release}`.trim(),
      kernel: facts.os.kernel,
      arch: facts.os.arch,
      cpus: facts.cpus,
      memoryBytes: facts.memoryBytes,
      bootId: facts.bootId,
    },
    spec: viewSpec(local.spec),
    service: local.service,
    dataDir: local.dataDir,
    certificates,
    files,
    conf: local.conf,
    etcd,
    waiting: [...waiting],
  };
}

export function viewService(state: ServiceState): ServiceStateView {
  const pid = 'pid' in state && state.pid !== undefined ? { pid: state.pid } : {};
  const detail = detailOf(state);
  return { kind: state.kind, ...pid, ...(detail === '' ? {} : { detail: detail.slice(0, 500) }) };
}

function detailOf(state: ServiceState): string {
  switch (state.kind) {
    case 'conditionFailed':
    case 'unknown':
      return state.why;
    case 'inactive':
      return state.result;
    case 'failed':
      return `${state.result} (${describeExit(state.lastExit)})`;
    case 'restarting':
      return describeExit(state.lastExit);
    default:
      return '';
  }
}

function describeExit(exit: Extract<ServiceState, { kind: 'failed' }>['lastExit']): string {
  switch (exit.kind) {
    case 'exited':
      return `exit status ${exit.code}`;
    case 'signalled':
      return `ended by ${exit.signal}`;
    case 'notStarted':
      return exit.message;
    case 'unknown':
      return 'nobody saw how it ended';
  }
}

export function viewSpec(spec: MemberSpec | undefined): NodeSnapshot['spec'] {
  if (spec === undefined) return { kind: 'none' };
  const { bootstrapId, clusterId } = spec.cluster;
  return { kind: 'present', generation: spec.generation, bootstrapId, clusterId, memberId: spec.memberId };
}

/** Never rejects: files that cannot be read say so. */
export async function viewFiles(host: AgentHost, spec: MemberSpec | undefined): Promise<FilesView> {
  if (spec === undefined) return { kind: 'unknown', why: 'no spec names them yet' };
  try {
    const facts = await filesFacts(host, spec, await storedPems(host));
    return facts.kind === 'damaged' ? { ...facts, which: [...facts.which] } : facts;
  } catch (error) {
    return { kind: 'unknown', why: (error as Error).message };
  }
}

/** Our own etcd, as its client. */
async function viewEtcd(host: AgentHost, { spec, service }: LocalView): Promise<EtcdView> {
  if (spec === undefined) return { kind: 'notAsked', why: 'no spec yet' };
  if (service.kind !== 'active' && service.kind !== 'activating') {
    return { kind: 'notAsked', why: `the service is ${service.kind}` };
  }
  const credentials = await clientCredentials(host);
  if (credentials === undefined) return { kind: 'notAsked', why: 'no certificates yet' };
  const endpoint = spec.etcd.advertiseClientURLs[0]!;
  const admin = await host.connectEtcd({ endpoint, ...credentials, deadlineMs: etcdAnswerMsMax });
  try {
    const [status, healthy] = await Promise.all([
      admin.status(),
      admin.linearizableRead().then(
        () => true,
        () => false,
      ),
    ]);
    const { version, memberId, clusterId, leader, raftIndex, raftTerm, dbSizeBytes } = status;
    return {
      kind: 'answering',
      version,
      memberId,
      clusterId,
      leader,
      healthy,
      raftIndex,
      raftTerm,
      dbSize: dbSizeBytes,
    };
  } catch (error) {
    if (error instanceof EtcdError) return { kind: 'unreachable', why: `${error.kind}: ${error.message}` };
    throw error;
  } finally {
    admin.close();
  }
}
