/**
 * What this node should do next, decided from what was observed and from nothing else. Steps are plain JSON; a rule that
 * does nothing may say what it waits for.
 */
import { beginDataDir } from './begin-data-dir.js';
import { flipToExisting } from './flip-to-existing.js';
import type { Local } from './local.js';
import { retirePermit } from './retire-permit.js';
import type { RuleOutcome, Step } from './step.js';

export interface Waiting {
  readonly rule: string;
  readonly reason: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly waiting: readonly Waiting[];
}

/** Rules in the order in which their steps are carried out: what must be remembered comes before what relies on it. */
export const rules: Readonly<Record<string, (local: Local) => RuleOutcome>> = {
  beginDataDir,
  flipToExisting,
  retirePermit,
};

export function plan(local: Local): Plan {
  const steps: Step[] = [];
  const waiting: Waiting[] = [];
  if (local.isHeld) return { steps, waiting };
  for (const [rule, decide] of Object.entries(rules)) {
    const outcome = decide(local);
    if (outcome.kind === 'step') steps.push(outcome.step);
    if (outcome.kind === 'waiting') waiting.push({ rule, reason: outcome.reason });
  }
  return { steps, waiting };
}
