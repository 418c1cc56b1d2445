/**
 * Every name and path that a lab uses on the machine it runs on. What bears one of these names is the lab's own and
 * may be removed when a run begins; nothing else is touched. Names are the machine's, so they say which checkout's lab it
 * is, and in which of its bays: another checkout has its own beside this one.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** Ignored by git. */
export const cache = join(checkout, '.cache', 'hosts');

/** Where the checkout is seen inside a host, read-only. */
export const checkoutInHost = '/opt/etcd-agent';

/** This machine's Node there, for what tests run of the checkout: no PATH has it. */
export const nodeInHost = '/opt/etcd-agent-node';

/** Room for one lab. A checkout has as many labs at once as it has bays. */
export interface Bay {
  /** From 1. */
  readonly number: number;
  /** What every name begins with that the lab gives to something on the machine. */
  readonly prefix: string;
  /** Layers of the hosts, the coordinator's state, console logs: made anew by every run. */
  readonly runDir: string;
  /** One run at a time. */
  readonly lockFile: string;
}

const baysMax = 2;
export const bays: readonly Bay[] = Array.from({ length: baysMax }, (_, at) => bayOf(at + 1));

/** Set for a run that is to have the bay of the one that starts it. */
export const bayVariable = 'ETCD_AGENT_TEST_BAY';

/** This process's own: workers of vitest have numbers from 1. */
export const bay: Bay =
  bays[(Number(process.env[bayVariable] ?? process.env.VITEST_POOL_ID ?? 1) - 1) % baysMax] ?? bays[0]!;
export const { prefix, runDir } = bay;

/** The network namespace of the bridge; the coordinator runs in it. */
export const labNamespace = namespaceOf('bridge');

/** Name of a host's network namespace, and of its machine as systemd-nspawn knows it. */
export function namespaceOf(host: string, of = bay): string {
  return `${of.prefix}-${host}`;
}

function bayOf(number: number): Bay {
  const digest = createHash('sha256').update(checkout).digest('hex').slice(0, 6);
  return {
    number,
    prefix: `etcd-lab-${digest}-${number}`,
    runDir: join(cache, `run-${number}`),
    lockFile: join(cache, `lock-${number}`),
  };
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
