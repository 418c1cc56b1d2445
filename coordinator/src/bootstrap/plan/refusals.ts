/**
 * When a bootstrap must not go on: everything that could start a second cluster, forget acknowledged writes, or touch
 * data that is not ours. Pure.
 */
import type { BootstrapRecord } from '../../state/records.js';
import {
  hasData,
  isRunning,
  isToRejoin,
  type NodeSituation,
  type Refusal,
  type Situation,
} from './situation.js';

/** Every reason, over all nodes at once; empty where the bootstrap may go on. */
export function refusals({
  nodes,
  record,
  reset,
  settingsDiffer,
  everStarted,
  quorumAnswers,
}: Situation): Refusal[] {
  if (record === undefined) return nodes.flatMap(strangerToThisState);
  if (reset) {
    if (record.completedAt !== undefined) return [resetOfLiving('this bootstrap was finished')];
    if (quorumAnswers && record.resetting === undefined)
      return [resetOfLiving('the members answer with a quorum')];
    return nodes.flatMap((node) => notResettable(node, record));
  }
  return [
    ...topologyChanged(nodes, record),
    ...(settingsDiffer ? settingsChanged(nodes) : []),
    ...nodes.flatMap((node) => notResumable(node, record, everStarted)),
  ];
}

/** No record here, but the node has a spec: another coordinator state bootstrapped it. */
function strangerToThisState(node: NodeSituation): Refusal[] {
  if (node.kind !== 'linked') return [];
  const { dataDir } = node.snapshot;
  if (node.snapshot.spec.kind === 'none')
    return dataDir.kind === 'foreign' ? [foreignData(node, dataDir.why)] : [];
  return [
    {
      node: node.place.name,
      what: `has a member spec (generation ${node.snapshot.spec.generation}) of a bootstrap that this state does not know`,
      next: 'use the coordinator state that made it, or coordinator state import FILE --state NEWDIR',
    },
  ];
}

/** A record belongs to its peer URLs: ids and cluster id follow from them. */
function topologyChanged(nodes: readonly NodeSituation[], record: BootstrapRecord): Refusal[] {
  const now = nodes.map(({ place }) => `${place.name} ${place.peerURL}`).sort();
  const then = record.members.map(({ name, peerURLs }) => `${name} ${peerURLs.join(',')}`).sort();
  if (now.join() === then.join()) return [];
  return [
    {
      node: undefined,
      what: `the topology has other members or peer URLs than the bootstrap of ${record.recordedAt}`,
      next:
        record.completedAt === undefined
          ? 'put the topology back, or coordinator bootstrap --reset to begin anew'
          : 'put the topology back: changing members of a living cluster is not part of bootstrap',
    },
  ];
}

/** An etcd that has begun would not see new settings before its next restart, and not find its data in a new place then. */
function settingsChanged(nodes: readonly NodeSituation[]): Refusal[] {
  if (!nodes.some(hasData)) return [];
  return [
    {
      node: undefined,
      what: 'the topology has other etcd settings than the members were started with',
      next: 'put the topology back: changing settings of started members is not part of bootstrap',
    },
  ];
}

function notResumable(
  node: NodeSituation,
  record: BootstrapRecord,
  everStarted: readonly string[],
): Refusal[] {
  if (node.kind !== 'linked') return [];
  const { name } = node.place;
  const { spec, dataDir } = node.snapshot;
  if (
    spec.kind === 'present' &&
    spec.bootstrapId !== record.bootstrapId &&
    spec.generation >= record.generation
  ) {
    return [
      {
        node: name,
        what: `belongs to bootstrap ${spec.bootstrapId}, not to ${record.bootstrapId}`,
        next: 'use the coordinator state that made it',
      },
    ];
  }
  if (node.generation > record.generation) {
    return [
      {
        node: name,
        what: `already has generation ${node.generation}, this state knows ${record.generation}`,
        next: 'use the newer coordinator state, or coordinator state import FILE --state NEWDIR',
      },
    ];
  }
  if (dataDir.kind === 'foreign') return [foreignData(node, dataDir.why)];
  const isWanted = !record.unwanted.includes(name);
  const hadData = record.completedAt !== undefined || everStarted.includes(name);
  if (isWanted && hadData && !hasData(node) && !isRunning(node) && !isToRejoin(node, record)) {
    return [
      {
        node: name,
        what: 'was a started member of this cluster and has no data now: started empty, it would forget acknowledged writes',
        next:
          spec.kind === 'none'
            ? `if the host was reinstalled: coordinator token ${name} --replace, enrol it with that token, then coordinator bootstrap`
            : `its agent repairs it, without a bootstrap; what it waits for: coordinator explain ${name}`,
      },
    ];
  }
  return [];
}

function foreignData({ place: { name, dataDir } }: NodeSituation, why: string): Refusal {
  return {
    node: name,
    what: `data dir ${dataDir}: ${why}`,
    next: `look at it, then on ${name}: mv ${dataDir} ${dataDir}.old`,
  };
}

function notResettable(node: NodeSituation, record: BootstrapRecord): Refusal[] {
  if (node.kind !== 'linked') return [];
  const { dataDir } = node.snapshot;
  if (dataDir.kind === 'foreign') {
    return [
      {
        node: node.place.name,
        what: `data dir ${node.place.dataDir}: ${dataDir.why}`,
        next: 'only data of this bootstrap is moved aside: look at it yourself',
      },
    ];
  }
  if (dataDir.kind === 'ours' && dataDir.bootstrapId !== record.bootstrapId) {
    return [
      {
        node: node.place.name,
        what: `its data is of bootstrap ${dataDir.bootstrapId ?? 'unknown'}`,
        next: 'use the coordinator state that made it',
      },
    ];
  }
  return [];
}

function resetOfLiving(why: string): Refusal {
  return {
    node: undefined,
    what: `${why}: --reset would take a living cluster apart`,
    next: 'stop etcd on every node and move the data dirs aside yourself, then coordinator init with a new state dir',
  };
}
