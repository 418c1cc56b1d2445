/** How etcd is run on this host, for whichever service manager runs it. */
import type { EtcdUnit } from '@etcd-agent/platform';
import type { MemberSpec } from '@etcd-agent/protocol';
import type { AgentHost } from './host.js';

export function etcdUnit({ config, paths }: AgentHost, spec: MemberSpec): EtcdUnit {
  return {
    binary: config.etcdBinary,
    environmentFile: paths.etcdConf,
    dataDir: spec.etcd.dataDir,
    permitFile: paths.permit,
    clearanceFile: paths.clearance,
    ...(config.etcdUser === '' ? {} : { user: config.etcdUser, group: config.etcdUser }),
    logFile: paths.etcdLog,
  };
}
