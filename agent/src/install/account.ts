/** The account that etcd runs as, on a host where no package has made it. */
import type { TransientUnits } from '@etcd-agent/platform';
import { Fault } from '@etcd-agent/protocol';
import { type AgentHost, etcdAccount } from '../host.js';

const useradd = ['/usr/sbin/useradd', '--system', '--no-create-home', '--home-dir', '/var/lib/etcd'] as const;
const rest = ['--shell', '/usr/sbin/nologin', '--comment', 'etcd key-value store', 'etcd'] as const;
const accountMsMax = 60_000;

/**
 * Makes user and group `etcd` where they are missing. Another name was chosen by somebody who makes it: it is left to the
 * preflight. Throws a Fault where it does not work.
 */
export async function ensureAccount(host: AgentHost, transient: TransientUnits): Promise<void> {
  const account = await etcdAccount(host);
  if (account.kind !== 'missing' || account.name !== 'etcd' || host.services.kind !== 'systemd') return;
  const group = await host.accounts.lookupGroup('etcd');
  const end = await transient.run({
    name: 'etcd-agent-useradd',
    argv: [...useradd, ...(group.kind === 'group' ? ['--gid', 'etcd'] : ['--user-group']), ...rest],
    timeoutMs: accountMsMax,
    outputFile: host.paths.packageOutput,
  });
  if (end.kind === 'succeeded' || (await etcdAccount(host)).kind === 'account') return;
  throw new Fault(
    'failed',
    `the user etcd cannot be made: ${end.why}${end.tail === '' ? '' : `: ${end.tail}`}`,
    'on that host: useradd --system --user-group etcd',
  );
}
