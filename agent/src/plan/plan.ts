/**
 * What this node should do next, decided from what was observed and from nothing else. Steps are plain JSON; a rule that
 * does nothing may say what it waits for.
 */
import { beginDataDir } from './begin-data-dir.js';
import { flipToExisting } from './flip-to-existing.js';
import type { Local } from './local.js';
import { retirePermit } from './retire-permit.js';

/** Everything an agent does by itself. */
export type Step =
  /** Remember for good that this data dir has had a WAL. */
  | { readonly kind: 'recordBegun' }
  /** Change the cluster state in etcd.conf from `new` to `existing`. */
  | { readonly kind: 'flipConf' }
  /** Take back the permit to start on an empty data dir. */
  | { readonly kind: 'removePermit'; readonly why: string };

export interface Waiting {
  readonly rule: string;
  readonly reason: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly waiting: readonly Waiting[];
}

export type RuleOutcome =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'nothing' };

/** Rules in the order in which their steps are carried out: what must be remembered comes before what relies on it. */
export const rules: Readonly<Record<string, (local: Local) => RuleOutcome>> = {
  beginDataDir,
  flipToExisting,
  retirePermit,
};

export function plan(local: Local): Plan {
  const steps: Step[] = [];
  const waiting: Waiting[] = [];
  for (const [rule, decide] of Object.entries(rules)) {
    const outcome = decide(local);
    if (outcome.kind === 'step') steps.push(outcome.step);
    if (outcome.kind === 'waiting') waiting.push({ rule, reason: outcome.reason });
  }
  return { steps, waiting };
}
