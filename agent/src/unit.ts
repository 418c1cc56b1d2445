/** How etcd is run on this host, for whichever service manager runs it. */
import type { EtcdUnit } from '@etcd-agent/platform';
import type { MemberSpec } from '@etcd-agent/protocol';
import { etcdProgram } from './etcd-program.js';
import type { AgentHost } from './host.js';

export async function etcdUnit(host: AgentHost, spec: MemberSpec): Promise<EtcdUnit> {
  const { config, paths } = host;
  return {
    binary: await etcdProgram(host),
    environmentFile: paths.etcdConf,
    dataDir: spec.etcd.dataDir,
    permitFile: paths.permit,
    clearanceFile: paths.clearance,
    ...(config.etcdUser === '' ? {} : { user: config.etcdUser, group: config.etcdUser }),
    logFile: paths.etcdLog,
  };
}
