/** Which member is asked for keys. Pure. */

interface Endpoint {
  readonly name: string;
  readonly endpoint: string;
  readonly health: { readonly kind: 'healthy' | 'unhealthy' };
  readonly status:
    | { readonly memberId: string; readonly leader: string; readonly isLearner: boolean }
    | undefined;
}

/**
 * A healthy voter, a follower before the leader, `not` only where there is no other; undefined: nobody is healthy. Learners
 * answer no linearizable read and so are not healthy.
 */
export function pickFollower<T extends Endpoint>(
  { endpoints }: { readonly endpoints: readonly T[] },
  not: string | undefined,
): T | undefined {
  const rank = ({ name, status }: T) =>
    (name === not ? 2 : 0) + (status === undefined || status.memberId === status.leader ? 1 : 0);
  return [...endpoints]
    .filter(({ health }) => health.kind === 'healthy')
    .sort((a, b) => rank(a) - rank(b))[0];
}
