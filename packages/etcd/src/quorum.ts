/**
 * Quorum arithmetic: how many voters must agree, and how many may be lost. Learners never count. Who the voters are,
 * and which of them are healthy, is for the caller to know.
 */

/** Voters that must agree for a cluster of `voters` to make progress: a strict majority. */
export function quorum(voters: number): number {
  assertCount('voters', voters, 1);
  return Math.floor(voters / 2) + 1;
}

/** Voters that a cluster of `voters` can lose and still make progress. */
export function tolerates(voters: number): number {
  return voters - quorum(voters);
}

/** Whether `healthy` of `voters` is enough to make progress. Throws RangeError when more are healthy than vote. */
export function hasQuorum(voters: number, healthy: number): boolean {
  assertCount('healthy', healthy, 0);
  if (healthy > voters) throw new RangeError(`${healthy} healthy voters of ${voters}`);
  return healthy >= quorum(voters);
}

function assertCount(what: string, count: number, least: number): void {
  if (!Number.isSafeInteger(count) || count < least) {
    throw new RangeError(`${what} must be a whole number of at least ${least}, not ${count}`);
  }
}
