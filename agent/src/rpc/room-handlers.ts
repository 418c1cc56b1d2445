/**
 * What makes room in etcd and takes its member out of service for a while: a restart onto a newer spec, under the guards that
 * healing has for it, and the word that a defragmentation explains a silent etcd.
 */
import { type AgentMethods, Fault, type GuardView, type Handlers } from '@etcd-agent/protocol';
import { startEtcd } from '../etcd-start.js';
import type { Healer } from '../heal/healer.js';
import { underLock, votersBut } from '../heal/membership-calls.js';
import { myId } from '../heal/plan/conditions.js';
import { failing, guardLosing, guardTurn } from '../heal/plan/guards.js';
import type { CallContext } from './handlers.js';
import { recordRefusal } from './refusals.js';

type RoomMethods = Pick<AgentMethods, 'etcd.restart' | 'defrag.announce'>;

/** An etcd that is well writes down what it has and ends within a second; one on a slow disk may take longer. */
const stopMsMax = 30_000;

export const roomHandlers: Handlers<RoomMethods, CallContext> = {
  'etcd.restart': ({ generation, by }, context) => {
    const { host, caretaker } = context;
    const { alone, healer, onStart } = caretaker;
    return alone(async () => {
      const first = await judge(healer, generation);
      let { guards } = first;
      let restarted = false;
      if (failing(guards).length === 0) {
        const locked = await underLock(first.voters, first.spec.node, async (held) => {
          const again = await judge(healer, generation);
          guards = held ? again.guards : [...again.guards, guardTurn(again.picture)];
          if (failing(guards).length > 0) return;
          await healer.events.record(
            'operator',
            'restartEtcd',
            `restarted for ${by}: generation ${generation}`,
          );
          await host.services.stop(stopMsMax);
          // What compares the disk before any other start does so here too. Where this fails, healing starts it.
          await startEtcd(host, again.spec.cluster.bootstrapId, () => healer.objectionToStart());
          restarted = true;
          onStart();
        });
        if (locked.kind === 'busy')
          guards = [
            ...guards,
            { guard: 'lock', ok: false, reason: `${locked.owner} is changing the membership` },
          ];
      }
      if (!restarted)
        await recordRefusal(healer.events, { rule: 'restartEtcd', what: 'not restarted', by, guards });
      return { guards: [...guards], restarted };
    });
  },

  async 'defrag.announce'({ forMs, by }, { host, caretaker: { healer } }) {
    const spec = await healer.spec();
    if (spec === undefined) throw noSpec();
    healer.explainSilence(forMs === 0 ? undefined : { what: `the defragmentation of ${by}`, forMs });
    return { freeBytes: await host.files.freeBytes(spec.etcd.dataDir) };
  },
};

/** Guards of a restart: the others do without this member, which answers and does not lead, and nothing else is under way. */
async function judge(healer: Healer, generation: number) {
  const seen = await healer.lookNow();
  if (seen === undefined) throw noSpec();
  const { picture, look, spec } = seen;
  const { cluster, journal, own, fencedBy } = picture;
  const guards: GuardView[] = [
    guard('generation', spec.generation === generation, `this node has generation ${spec.generation}`),
    guard(
      'noHold',
      spec.hold === undefined,
      spec.hold === undefined ? 'no operation holds this node' : `operation ${spec.hold.id} holds this node`,
    ),
    guard(
      'noRepair',
      journal === undefined,
      journal === undefined ? 'no repair is under way' : `a repair is under way (${journal.stage})`,
    ),
    guard('notFenced', fencedBy === undefined || fencedBy <= spec.generation, 'no newer cluster was seen'),
    guard(
      'answers',
      own.kind === 'answers',
      own.kind === 'answers' ? 'etcd answers' : 'etcd does not answer: healing sees to it',
    ),
  ];
  if (cluster.kind === 'unknown')
    return { picture, spec, voters: [], guards: [...guards, guard('quorum', false, cluster.why)] };
  const id = myId(picture);
  return {
    picture,
    spec,
    voters: votersBut(look.endpoints, cluster.members, id),
    guards: [
      ...guards,
      guard(
        'notLeader',
        cluster.leader !== id,
        cluster.leader === id ? 'this member leads' : 'another member leads',
      ),
      guardLosing(cluster, id),
    ],
  };
}

function guard(name: string, ok: boolean, reason: string): GuardView {
  return { guard: name, ok, reason };
}

function noSpec(): Fault {
  return new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
}
