/**
 * What the agent answers about healing: its view for peers, its status and events for people, and what an operator may ask
 * for. What is asked goes through the same guards as what the agent does by itself.
 */
import { memberId } from '@etcd-agent/etcd';
import { type AgentMethods, Fault, type Handlers } from '@etcd-agent/protocol';
import type { Journal } from '../heal/journal.js';
import { myId } from '../heal/plan/conditions.js';
import { failing, guardsToBegin } from '../heal/plan/guards.js';
import { healStatus, peerView } from '../heal/views.js';
import { refuseUnderOperation } from '../operation/held.js';
import { diskReport } from './disk-report.js';
import type { CallContext } from './handlers.js';
import { recordRefusal } from './refusals.js';
import { removeMember } from './remove-member.js';

type HealMethods = Pick<
  AgentMethods,
  | 'peer.view'
  | 'heal.status'
  | 'heal.pause'
  | 'heal.resume'
  | 'events.read'
  | 'member.remove'
  | 'member.replace'
  | 'disk.report'
  | 'disk.accept'
>;

const repairSteps = [
  'hand the leadership over, where this member leads',
  'stop etcd',
  'remove its entry from the member list',
  'move its data aside',
  'add a new entry',
  'start etcd on an empty data dir under the new id',
  'promote it when it has caught up',
  'verify with a write through it',
];

export const healHandlers: Handlers<HealMethods, CallContext> = {
  'peer.view': async (_params, { self, caretaker, schedule }) => ({
    ...peerView(self.node, caretaker.healer),
    snapshotAgeMs: schedule.ageMs(),
  }),

  'heal.status': (_params, { self, host, caretaker }) => healStatus(self.node, host, caretaker.healer),

  async 'heal.pause'(pause, { host, caretaker: { alone, healer } }) {
    if (Date.parse(pause.until) <= host.clock.now().getTime())
      throw new Fault(
        'refused',
        `a pause until ${pause.until} is over already`,
        "Compare this host's clock.",
      );
    // In turn: when it is answered, no step of before is still being done.
    await alone(() => host.heal.change((memory) => ({ ...memory, pause })));
    await healer.events.record(
      'operator',
      'pause',
      `paused until ${pause.until} by ${pause.by}: ${pause.reason}`,
    );
    healer.wake();
    return {};
  },

  async 'heal.resume'({ by }, { host, caretaker: { healer } }) {
    const { pause } = await host.heal.read();
    await host.heal.change(({ pause: _, ...memory }) => memory);
    await healer.events.record('operator', 'resume', `resumed by ${by}`);
    healer.wake();
    return { wasPaused: pause !== undefined };
  },

  async 'events.read'({ after, limit }, { caretaker }) {
    return caretaker.healer.events.read(after, limit);
  },

  async 'member.remove'({ memberId: hex, dryRun, by }, { host, caretaker: { healer } }) {
    await refuseUnderOperation(host);
    return removeMember({ id: memberId(hex), dryRun, by }, host, healer);
  },

  async 'member.replace'({ dryRun, by }, { host, caretaker: { alone, healer } }) {
    await refuseUnderOperation(host);
    const seen = await healer.lookNow();
    if (seen === undefined)
      throw new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
    const { picture } = seen;
    if (picture.journal !== undefined) throw underWay(picture.journal);
    const guards = [...guardsToBegin(picture, myId(picture), false)];
    // Of a dry run too: the command looks by one first, and a guard that says no then is all that this agent hears.
    const what = dryRun ? 'would not be replaced' : 'not replaced';
    if (failing(guards).length > 0)
      await recordRefusal(healer.events, { rule: 'replaceMember', what, by, guards });
    const accepted = !dryRun && failing(guards).length === 0;
    if (accepted) {
      const at = host.clock.now().toISOString();
      // In turn: an order that came after the begin of a repair would have the member replaced a second time.
      await alone(async () => {
        const begun = await host.heal.journal();
        if (begun?.bootstrapId === picture.me.bootstrapId) throw underWay(begun);
        await host.heal.change((memory) => ({ ...memory, order: { by, at } }));
      });
      await healer.events.record('operator', 'replaceMember', `asked for by ${by}`);
      healer.wake();
    }
    return { guards, steps: repairSteps, accepted };
  },

  'disk.report': (_params, { self, host, caretaker }) => diskReport(self.node, host, caretaker.healer),

  async 'disk.accept'({ by }, { host, caretaker: { healer } }) {
    const spec = await healer.spec();
    if (spec === undefined)
      throw new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
    const { dataDir } = spec.etcd;
    const { id } = await host.machine.fileSystemOf(dataDir);
    await host.heal.change((memory) => ({ ...memory, fileSystem: { dataDir, id } }));
    await healer.events.record('operator', 'acceptDisk', `${id} accepted for ${dataDir} by ${by}`);
    healer.wake();
    return { fileSystem: id };
  },
};

function underWay({ stage }: Journal): Fault {
  return new Fault('refused', `a repair is under way already (${stage})`, 'coordinator heal status');
}
