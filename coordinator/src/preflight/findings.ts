/** What a preflight is judged from, and what it comes to. */
import type { PreflightFacts, ProbeResult } from '@etcd-agent/protocol';
import type { NodePlace } from '../topology/places.js';

/** One line of a preflight: what was looked at on which node, and how it is. */
export interface Finding {
  readonly node: string;
  readonly check: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it. */
  readonly next?: string;
}

export interface NodeReport {
  readonly place: NodePlace;
  readonly facts: PreflightFacts;
  readonly probes: readonly ProbeResult[];
  readonly clock: { readonly offsetMs: number; readonly uncertainMs: number };
}

/** What a resume expects; undefined before the first record. */
export interface Expectation {
  readonly bootstrapId: string;
  readonly etcdVersion: string;
}

export function finding(
  place: NodePlace,
  check: string,
  result: Finding['result'],
  message: string,
  next?: string,
): Finding {
  return {
    node: place.name,
    check,
    result,
    message,
    ...(next === undefined || result === 'ok' ? {} : { next }),
  };
}
