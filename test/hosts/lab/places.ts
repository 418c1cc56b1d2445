/**
 * Every name and path that the lab uses on the machine it runs on. What bears one of these names is the lab's own and
 * may be removed when a run begins; nothing else is touched. Names are the machine's, so they say which checkout's lab it
 * is: another checkout has its own beside this one.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** Ignored by git. */
export const cache = join(checkout, '.cache', 'hosts');

/** Layers of the hosts, the coordinator's state, console logs: made anew by every run. */
export const runDir = join(cache, 'run');

/** Where the checkout is seen inside a host, read-only. */
export const checkoutInHost = '/opt/etcd-agent';

/** This machine's Node there, for what tests run of the checkout: no PATH has it. */
export const nodeInHost = '/opt/etcd-agent-node';

/** What every name begins with that the lab gives to something on the machine. */
export const prefix = `etcd-lab-${createHash('sha256').update(checkout).digest('hex').slice(0, 6)}`;

/** One run of a checkout at a time. */
export const lockFile = join(cache, 'lock');

/** The network namespace of the bridge; the coordinator runs in it. */
export const labNamespace = `${prefix}-bridge`;

/** Name of a host's network namespace, and of its machine as systemd-nspawn knows it. */
export function namespaceOf(host: string): string {
  return `${prefix}-${host}`;
}

/** The coordinator has the one address, applications the other. */
export const subnet = { coordinator: '192.168.124.1', application: '192.168.124.2', bits: 24 };

/** The hosts that a lab can have. */
export const hostAddresses = {
  etcd0: '192.168.124.22',
  etcd1: '192.168.124.23',
  etcd2: '192.168.124.24',
  etcd3: '192.168.124.25',
  etcd4: '192.168.124.26',
} as const;
export type HostName = keyof typeof hostAddresses;
export const fiveHostNames = Object.keys(hostAddresses) as HostName[];
/** The runbook's hosts, which most labs have. */
export const hostNames = fiveHostNames.slice(0, 3);
