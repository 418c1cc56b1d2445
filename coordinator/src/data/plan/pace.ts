/**
 * How many keys the next transaction deletes, and how long is waited before it: other clients' writes stand still while etcd
 * carries one out, on every member, and have the time between two for themselves. Pure.
 */

/** Even where it is quick: more than this is more than other clients should wait for at once. */
export const keysMax = 500;
const keysMin = 10;
/** A transaction that takes longer is followed by a smaller one. */
const longMs = 50;
const pauseMsMin = 2;
const pauseMsMax = 1_000;

export interface Pace {
  readonly keys: number;
  readonly pauseMs: number;
}

/** After a transaction over `keys` keys that took so long, its way there and back included. */
export function paceAfter({ keys }: Pick<Pace, 'keys'>, tookMs: number): Pace {
  const next = tookMs > longMs ? keys / 2 : tookMs < longMs / 2 ? keys * 2 : keys;
  return {
    keys: Math.round(Math.min(keysMax, Math.max(keysMin, next))),
    // As long as it took: half of the time is not ours.
    pauseMs: Math.min(pauseMsMax, Math.max(pauseMsMin, Math.round(tookMs))),
  };
}
