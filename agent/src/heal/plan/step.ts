/** What healing does, one step at a time, as plain JSON: it can be printed, stored and compared. */
import type { Alarm, MemberId } from '@etcd-agent/etcd';
import type { Evidence, Waiting } from '@etcd-agent/protocol';

export type HealStep =
  /** Write down that this node's member is to be replaced, and what of it is condemned. */
  | { readonly kind: 'beginRepair'; readonly oldId: MemberId }
  /** The reason for the repair is gone before anything was removed. */
  | { readonly kind: 'abandonRepair' }
  | { readonly kind: 'moveLeader'; readonly to: MemberId }
  | { readonly kind: 'stopEtcd' }
  /** The same to a member that is still in the list and may still serve: under the lock, so that two are never stopped at once. */
  | { readonly kind: 'stopVoter' }
  | { readonly kind: 'removeMember'; readonly id: MemberId }
  | { readonly kind: 'quarantineData' }
  | { readonly kind: 'addMember'; readonly role: 'voter' | 'learner' }
  /** An unstarted entry of this node is in the list: it becomes the repair's own. */
  | { readonly kind: 'adoptEntry'; readonly id: MemberId }
  | { readonly kind: 'startJoin'; readonly id: MemberId }
  /** Remove this node's own unstarted or learning entry, to add another. */
  | { readonly kind: 'takeBack'; readonly id: MemberId }
  /** The entry that was added is gone: forget it, and what was written under it. */
  | { readonly kind: 'forgetEntry'; readonly id: MemberId }
  | { readonly kind: 'promote'; readonly id: MemberId }
  | { readonly kind: 'finishRepair'; readonly id: MemberId }
  /** The WAL names another member than the one remembered, and the cluster agrees with the WAL. */
  | { readonly kind: 'adoptMember'; readonly id: MemberId }
  /** Read where the WAL ends, and compare it with what the others remember. */
  | { readonly kind: 'checkDisk' }
  | { readonly kind: 'startEtcd' }
  | { readonly kind: 'restartEtcd' }
  | { readonly kind: 'restoreFiles' }
  | { readonly kind: 'disarm'; readonly alarms: readonly Alarm[] }
  | { readonly kind: 'removeOrphan'; readonly id: MemberId };

/** A step with the rule it comes from and why, in a sentence and in numbers. */
export interface Decision {
  readonly rule: string;
  readonly step: HealStep;
  readonly why: string;
  readonly evidence: Evidence;
}

export type HealOutcome =
  | ({ readonly kind: 'step' } & Decision)
  /** `wantsRejoin`: there is evidence for a repair, and only guards hold it back. */
  | {
      readonly kind: 'waiting';
      readonly waiting: Waiting;
      readonly wantsRejoin: boolean;
      readonly holds: boolean;
    }
  | { readonly kind: 'nothing' };

export const nothing: HealOutcome = { kind: 'nothing' };

export function step(rule: string, act: HealStep, why: string, evidence: Evidence = {}): HealOutcome {
  return { kind: 'step', rule, step: act, why, evidence };
}

/** Says why nothing is done; later rules still have their turn. */
export function report(rule: string, reason: string, evidence: Evidence = {}): HealOutcome {
  return { kind: 'waiting', waiting: { rule, reason, evidence }, wantsRejoin: false, holds: false };
}

/** The same, and nothing of the rules after it may be done. */
export function hold(
  rule: string,
  reason: string,
  evidence: Evidence = {},
  wantsRejoin = false,
): HealOutcome {
  return { kind: 'waiting', waiting: { rule, reason, evidence }, wantsRejoin, holds: true };
}
