/**
 * What healing does next on this node: at most one step, and why everything else waits. Pure: the same picture gives the
 * same plan. Rules are asked in order; the first step, or the first rule that holds the others back, ends the round.
 */
import type { Waiting } from '@etcd-agent/protocol';
import { disarmCorrupt, hostSilent, noSpace, quorumLost, removeOrphan } from './cluster-rules.js';
import { startIsAskedFor } from './conditions.js';
import { continueRepair } from './continue-repair.js';
import { failing, guardPause, guardsToBegin, sentence } from './guards.js';
import { fence, operation, stopFormer } from './operation-rules.js';
import {
  adoptMember,
  foreignData,
  promoteLearner,
  restoreFiles,
  startEtcd,
  unhang,
  wrongAddress,
} from './own-rules.js';
import type { Picture } from './picture.js';
import { type RejoinEvidence, rejoinRules } from './rejoin-evidence.js';
import { type Decision, type HealOutcome, hold, nothing, step } from './step.js';

export interface HealPlan {
  readonly decision: Decision | undefined;
  readonly waiting: readonly Waiting[];
  readonly intent: 'none' | 'rejoin' | 'repairing';
}

type Rule = (picture: Picture) => HealOutcome;

/** Every rule by its name, in the order in which they are asked. */
export const healRules: Readonly<Record<string, Rule>> = {
  fence,
  operation,
  stopFormer,
  wrongAddress,
  resumeRepair: (picture) =>
    picture.journal === undefined ? nothing : continueRepair(picture, picture.journal),
  foreignData,
  adoptMember,
  restoreFiles,
  ...Object.fromEntries(
    Object.entries(rejoinRules).map(([rule, find]): [string, Rule] => [
      rule,
      (picture) => {
        const found = find(picture);
        return found.kind === 'evidence' ? begin(rule, picture, found) : found;
      },
    ]),
  ),
  startEtcd,
  unhang,
  promoteLearner,
  disarmCorrupt,
  removeOrphan,
  quorumLost,
  noSpace,
  hostSilent,
};

export function planHeal(picture: Picture, rules: Readonly<Record<string, Rule>> = healRules): HealPlan {
  const waiting: Waiting[] = [];
  let wantsRejoin = false;
  for (const rule of Object.values(rules)) {
    const outcome = heldBack(picture, rule(picture));
    if (outcome.kind === 'nothing') continue;
    if (outcome.kind === 'step') {
      const { kind: _, ...decision } = outcome;
      return {
        decision,
        waiting,
        intent: intentOf(picture, wantsRejoin || decision.step.kind === 'beginRepair'),
      };
    }
    waiting.push(outcome.waiting);
    wantsRejoin ||= outcome.wantsRejoin;
    if (outcome.holds) break;
  }
  return { decision: undefined, waiting, intent: intentOf(picture, wantsRejoin) };
}

function intentOf({ journal }: Picture, wantsRejoin: boolean): HealPlan['intent'] {
  if (journal !== undefined) return 'repairing';
  return wantsRejoin ? 'rejoin' : 'none';
}

/** No repairs: an operator has put another cluster in the place of this one, and two must not serve beside each other. */
const servesWhatIsGivenUp = ['fence', 'stopFormer'];

/**
 * Paused, or told to watch: said instead of done. What a repair has begun by removing its entry goes on all the same, and a
 * start that the host itself asked for, by its boot or by a person, is granted.
 */
function heldBack(picture: Picture, outcome: HealOutcome): HealOutcome {
  if (outcome.kind !== 'step' || picture.journal !== undefined || outcome.step.kind === 'checkDisk')
    return outcome;
  if (outcome.step.kind === 'startEtcd' && startIsAskedFor(picture)) return outcome;
  if (servesWhatIsGivenUp.includes(outcome.rule)) return outcome;
  const pause = guardPause(picture);
  const why = pause.ok ? (picture.policy.mode === 'watch' ? 'mode is watch' : undefined) : pause.reason;
  if (why === undefined) return outcome;
  return hold(outcome.rule, `would do ${outcome.step.kind} (${outcome.why}); ${why}`, outcome.evidence);
}

/** Guards that the cluster itself comes to fulfil. */
const passing = ['quorum', 'forecast', 'nothingInFlight', 'watched'];

function begin(
  rule: string,
  picture: Picture,
  { oldId, why, evidence, alarmed }: RejoinEvidence,
): HealOutcome {
  const failed = failing(guardsToBegin(picture, oldId, alarmed));
  if (failed.length === 0) return step(rule, { kind: 'beginRepair', oldId }, why, evidence);
  const runsOn = rule === 'rejoinHashDiffers' || rule === 'replaceMember';
  // Others may count on a rejoin only where nothing holds it back that does not pass by itself.
  const wants = failed.every(({ guard }) => passing.includes(guard));
  const waits = hold(rule, `${why}; ${sentence(failed)}`, evidence, wants);
  return waits.kind === 'waiting' && runsOn ? { ...waits, holds: false } : waits;
}
