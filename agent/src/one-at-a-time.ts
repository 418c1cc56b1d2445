/** Changes to one host's state, in a row: a step of the loop never falls between two steps of a call. */

/** Runs something after everything that was asked for before it has ended. */
export type Alone = <T>(act: () => Promise<T>) => Promise<T>;

export function oneAtATime(): Alone {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const result = last.then(act, act);
    last = result.catch(() => {});
    return result;
  };
}
