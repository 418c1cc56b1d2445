/**
 * `etcd-agent status`: what the state directory says, whether an agent runs on it, and whose the data dir is. Only reads,
 * also while an agent runs or starts. How etcd itself stands is not asked: `coordinator status` does.
 */
import { hostname } from 'node:os';
import { exclusiveHolder, linuxFiles } from '@etcd-agent/platform';
import { type ConfigSources, loadConfig, pathsOf } from '../config.js';
import { judgeDataDir } from '../data-dir.js';
import { effectiveSpec } from '../heal/effective-spec.js';
import { HealStore } from '../heal/memory.js';
import { Store } from '../store.js';

export async function status(sources: ConfigSources, output: string): Promise<void> {
  if (output !== 'table' && output !== 'json') {
    const message = `error: --output ${output}: there is table and json`;
    process.stderr.write(`${message}\n`);
    // As commander's own: printed already, a usage error.
    throw Object.assign(new Error(message), {
      code: 'commander.output',
      exitCode: 2,
    });
  }
  const config = loadConfig(sources);
  const paths = pathsOf(config);
  const store = new Store(linuxFiles, paths);
  const [identity, token, spec, record] = await Promise.all([
    store.identity(),
    store.joinToken(),
    effectiveSpec({ store, heal: new HealStore(linuxFiles, paths) }),
    store.dataDirRecord(),
  ]);
  const dataDir =
    spec === undefined ? undefined : await judgeDataDir(linuxFiles, spec.etcd, { record, spec });
  const document = {
    apiVersion: 'etcd-agent/v1',
    kind: 'AgentStatus',
    hostname: hostname(),
    running: (await exclusiveHolder(paths.lock))?.pid ?? null,
    identity: identity === undefined ? null : { cluster: identity.cluster, node: identity.node },
    joinToken: token === undefined ? null : { node: token.node, expiresAt: token.expiresAt },
    spec:
      spec === undefined
        ? null
        : { generation: spec.generation, memberId: spec.memberId, clusterId: spec.cluster.clusterId },
    dataDir: spec === undefined ? null : { path: spec.etcd.dataDir, state: dataDir?.kind ?? 'unknown' },
    stateDir: config.stateDir,
  };
  process.stdout.write(output === 'json' ? `${JSON.stringify(document, null, 2)}\n` : asTable(document));
}

type Document = {
  running: number | null;
  identity: { cluster: string; node: string } | null;
  joinToken: { node: string; expiresAt: string } | null;
  spec: { generation: number; memberId: string; clusterId: string } | null;
  dataDir: { path: string; state: string } | null;
  stateDir: string;
};

function asTable({ running, identity, joinToken, spec, dataDir, stateDir }: Document): string {
  const rows: [string, string][] = [
    ['agent', running === null ? 'not running' : `running, process ${running}`],
    [
      'identity',
      identity === null ? 'none: it needs a join token' : `${identity.node} of ${identity.cluster}`,
    ],
    ['join token', joinToken === null ? 'none' : `for ${joinToken.node}, until ${joinToken.expiresAt}`],
    [
      'spec',
      spec === null
        ? 'none yet'
        : `generation ${spec.generation}, member ${spec.memberId}, cluster ${spec.clusterId}`,
    ],
    ['data dir', dataDir === null ? 'not known yet' : `${dataDir.path}: ${dataDir.state}`],
    ['state', stateDir],
  ];
  return `${rows.map(([name, value]) => `${name.padEnd(11)} ${value}`).join('\n')}\n`;
}
