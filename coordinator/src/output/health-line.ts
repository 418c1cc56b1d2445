/** etcdctl's own words for the health of an endpoint, so that what reads etcdctl reads this. */
import type { EndpointView } from '../cluster/probe-members.js';

export function healthLine({ endpoint, health }: EndpointView): string {
  return health.kind === 'healthy'
    ? `${endpoint} is healthy: successfully committed proposal: took = ${goDuration(health.tookMs)}`
    : `${endpoint} is unhealthy: failed to commit proposal: ${health.why}`;
}

/** Milliseconds as Go prints a duration: `3.852481ms`, `1.2s`, `870.1µs`. */
export function goDuration(ms: number): string {
  const trim = (value: number, digits: number) => String(Number(value.toFixed(digits)));
  if (ms < 1) return `${trim(ms * 1_000, 3)}µs`;
  if (ms < 1_000) return `${trim(ms, 6)}ms`;
  return `${trim(ms / 1_000, 9)}s`;
}
