/**
 * etcd's unit as this agent writes it, when it begins: the agent before it may have been of another version, or its package
 * may have been removed, which takes out of the drop-in what only an agent can fulfil.
 */
import type { AgentHost } from './host.js';
import { etcdUnit } from './unit.js';

/** Nothing happens on a host that was given no member. What fails is told and left to healing, which installs it before a start. */
export async function refreshUnit(host: AgentHost): Promise<void> {
  const { services, store, log } = host;
  if (services.kind !== 'systemd') return;
  const spec = await store.spec();
  if (spec === undefined) return;
  try {
    const { changed } = await services.install(await etcdUnit(host, spec));
    if (changed) log.info('the unit of etcd was not as this agent writes it; written again, etcd goes on');
  } catch (error) {
    log.warn({ err: error }, 'the unit of etcd cannot be written');
  }
}
