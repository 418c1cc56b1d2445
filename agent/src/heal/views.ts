/**
 * What the healer shows: to peers from memory, so that asking costs nothing, and to people with what they need to
 * understand it.
 */
import type { HealStatus, PeerView } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import type { Healer, Seen } from './healer.js';
import { seconds } from './plan/guards.js';
import type { Picture } from './plan/picture.js';
import { etcdState } from './sightings.js';

export function peerView(node: string, healer: Healer): PeerView {
  const seen = healer.seen();
  const remembered = healer.sightings
    .positions()
    .slice(-32)
    .map((position) => ({ ...position }));
  if (seen === undefined) {
    return {
      node,
      generation: 0,
      bootstrapId: null,
      clusterId: null,
      unwanted: [],
      memberId: null,
      etcd: 'unknown',
      etcdForMs: 0,
      intent: 'none',
      paused: false,
      sights: [],
      remembered,
    };
  }
  const { spec, picture, plan } = seen;
  return {
    node,
    generation: spec.generation,
    bootstrapId: spec.cluster.bootstrapId,
    clusterId: spec.cluster.clusterId,
    unwanted: [...spec.unwanted],
    memberId: picture.me.memberId,
    etcd: ownState(seen),
    etcdForMs: Math.round(picture.service.forMs),
    intent: plan.intent,
    paused: picture.pause !== undefined,
    sights: spec.agents
      .filter(({ name }) => name !== node)
      .map(({ name }) => healer.sightings.of(name, healer.nowMs)),
    remembered,
  };
}

function ownState({ look, picture }: Seen): PeerView['etcd'] {
  const { service, me } = picture;
  if (service.kind === 'activating') return 'starting';
  if (service.kind !== 'active') return service.kind === 'unknown' ? 'unknown' : 'down';
  const endpoint = look.endpoints.find(({ node }) => node === me.node);
  const state = endpoint === undefined ? 'silent' : etcdState(endpoint);
  return state === 'silent' || state === 'unknown' ? 'starting' : state;
}

export async function healStatus(node: string, host: AgentHost, healer: Healer): Promise<HealStatus> {
  const [memory, journal] = await Promise.all([host.heal.read(), host.heal.journal()]);
  const seen = healer.seen();
  const decision = seen?.plan.decision;
  return {
    node,
    policy: seen?.spec.healing ?? null,
    pause: seen?.picture.pause ?? memory.pause ?? null,
    repair:
      journal === undefined
        ? null
        : {
            id: journal.id,
            rule: journal.rule,
            stage: journal.stage,
            startedAt: journal.startedAt,
            oldMemberId: journal.oldId,
            ...(journal.newId === undefined ? {} : { newMemberId: journal.newId }),
            ...(journal.quarantines.length === 0 ? {} : { quarantine: journal.quarantines.at(-1) }),
          },
    history: memory.history.map(({ quarantines: _, ...repair }) => repair),
    seen: seen === undefined ? [] : sentences(seen.picture),
    next:
      decision === undefined ? null : { rule: decision.rule, step: decision.step.kind, why: decision.why },
    waiting: [...(seen?.plan.waiting ?? [])].slice(0, 40),
    counters: memory.counters,
    view: peerView(node, healer),
  };
}

/** What is seen, part by part, in words. */
function sentences(picture: Picture): HealStatus['seen'] {
  const { service, data, own, cluster, files, me, ends } = picture;
  const lines: [string, string][] = [
    [
      'service',
      `etcd.service is ${service.kind}${service.detail === '' ? '' : ` (${service.detail})`}, for ${seconds(service.forMs)}`,
    ],
    ['data', dataSentence(data)],
    ['etcd', ownSentence(own)],
    ['cluster', clusterSentence(cluster)],
    [
      'files',
      files.kind === 'intact'
        ? 'the files of etcd are as the agent wrote them'
        : files.kind === 'damaged'
          ? `${files.which.join(', ')} differ`
          : files.why,
    ],
    ['certificate', me.certificate.why],
  ];
  if (ends.text !== '') lines.push(['lastEnd', ends.text.slice(0, 400)]);
  if (picture.journal !== undefined)
    lines.push([
      'repair',
      `stage ${picture.journal.stage}; nothing has moved for ${seconds(picture.stalledMs)}`,
    ]);
  return lines.map(([what, text]) => ({ what, text }));
}

function dataSentence({ kind, why, wal, content, fileSystem }: Picture['data']): string {
  if (kind === 'unknown') return `the data dir cannot be seen: ${why}`;
  const where = fileSystem === 'other' ? ', on another file system than before' : '';
  if (kind === 'missing') return `there is no data dir${where}`;
  switch (wal.kind) {
    case 'present':
      return `the data dir has the WAL of member ${wal.memberId}`;
    case 'unreadable':
      return `the head of the newest WAL segment cannot be read: ${wal.why}`;
    case 'none':
      return `the data dir has ${content ? 'files, but no WAL' : 'nothing in it'}${where}`;
  }
}

function ownSentence(own: Picture['own']): string {
  switch (own.kind) {
    case 'notAsked':
      return 'its etcd does not run';
    case 'silent':
      return `its etcd does not answer: ${own.why.slice(0, 300)}`;
    case 'answers':
      return `its etcd answers as ${own.isLearner ? 'learner' : 'voter'} ${own.memberId}${own.healthy ? ', and reads go through it' : ', and no linearizable read goes through it'}`;
  }
}

function clusterSentence(cluster: Picture['cluster']): string {
  if (cluster.kind === 'unknown') return `the members cannot be read: ${cluster.why.slice(0, 300)}`;
  const voters = cluster.members.filter(({ role }) => role === 'voter');
  const others = cluster.members.length - voters.length;
  const joining = others === 0 ? '' : `, ${others} learning`;
  return `${voters.length} voters, ${cluster.healthy.length} healthy${joining}${cluster.alarms.length === 0 ? '' : `; alarms: ${cluster.alarms.map(({ type }) => type).join(', ')}`}`;
}
