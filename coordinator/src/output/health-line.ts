/** etcdctl's own words for the health of an endpoint, so that what reads etcdctl reads this. */
import type { EndpointView } from '../cluster/probe-members.js';

export function healthLine({ endpoint, health }: EndpointView): string {
  return health.kind === 'healthy'
    ? `${endpoint} is healthy: successfully committed proposal: took = ${goDuration(health.tookMs)}`
    : `${endpoint} is unhealthy: failed to commit proposal: ${health.why}`;
}

/** Milliseconds as Go prints a duration, to the nanosecond: `3.852481ms`, `1.2s`, `1m1.5s`, `870.1µs`, `0s`. */
export function goDuration(ms: number): string {
  const nanoseconds = Math.round(ms * 1e6);
  if (nanoseconds === 0) return '0s';
  const inUnit = (of: number) => String(Number((nanoseconds / of).toFixed(9)));
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${inUnit(1e3)}µs`;
  if (nanoseconds < 1e9) return `${inUnit(1e6)}ms`;
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = String(Number(((nanoseconds - minutes * 60e9) / 1e9).toFixed(9)));
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
