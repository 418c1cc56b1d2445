/**
 * /etc/etcd/etcd.conf from settings: the runbook's file format and sections, and per etcd minor only what that minor
 * needs said. What stays unsaid on purpose: auto-TLS, any plaintext port, the v2 API, and the strict reconfiguration
 * check, whose default (on) is kept.
 */
import type { EtcdConfSettings, InitialMember } from './conf-settings.js';
import { checkSettings, EtcdConfError } from './conf-settings.js';
import { quoteEnvValue } from './env-file.js';
import type { EtcdVersion } from './versions.js';
import { featuresOf, isAtLeast } from './versions.js';

/** A variable and its value, before quoting. */
type Variable = readonly [name: `ETCD_${string}`, value: string];

/**
 * The whole file, ending in a newline, for a member that runs `version`. Throws {@link EtcdConfError} with every problem
 * when the settings are not sound or a value cannot be written.
 */
export function renderEtcdConf(settings: EtcdConfSettings, version: EtcdVersion): string {
  const problems = checkSettings(settings);
  const sections: [string, Variable[]][] = [
    ['Member', memberVariables(settings, version)],
    ['Clustering', clusteringVariables(settings)],
    ['Security', securityVariables(settings)],
    ['Logging', loggingVariables(version)],
    ['Integrity', integrityVariables(settings, version)],
  ];
  const lines = sections.flatMap(([title, variables]) =>
    variables.length === 0 ? [] : [`#[${title}]`, ...variables.map((each) => renderLine(each, problems))],
  );
  if (problems.length > 0) throw new EtcdConfError(problems);
  return `${lines.join('\n')}\n`;
}

/** `initial-cluster` as etcd reads it: "name=url" pairs, a name repeated for each of its URLs. */
export function renderInitialCluster(members: readonly InitialMember[]): string {
  return members.flatMap(({ name, peerURLs }) => peerURLs.map((url) => `${name}=${url}`)).join(',');
}

function memberVariables(settings: EtcdConfSettings, version: EtcdVersion): Variable[] {
  const variables: Variable[] = [['ETCD_DATA_DIR', settings.dataDir]];
  if (settings.walDir !== undefined) variables.push(['ETCD_WAL_DIR', settings.walDir]);
  variables.push(
    ['ETCD_LISTEN_PEER_URLS', settings.listenPeerURLs.join(',')],
    ['ETCD_LISTEN_CLIENT_URLS', settings.listenClientURLs.join(',')],
    ['ETCD_NAME', settings.name],
    ['ETCD_HEARTBEAT_INTERVAL', String(settings.heartbeatInterval)],
    ['ETCD_ELECTION_TIMEOUT', String(settings.electionTimeout)],
  );
  // A member that was cut off must not force an election when it returns; from 3.5 on that is the default.
  if (featuresOf(version).preVote === 'offByDefault') variables.push(['ETCD_PRE_VOTE', 'true']);
  return [...variables, ...limitVariables(settings)];
}

function limitVariables(settings: EtcdConfSettings): Variable[] {
  const optional: [Variable[0], string | number | undefined][] = [
    ['ETCD_QUOTA_BACKEND_BYTES', settings.quotaBackendBytes],
    ['ETCD_SNAPSHOT_COUNT', settings.snapshotCount],
    ['ETCD_MAX_REQUEST_BYTES', settings.maxRequestBytes],
    ['ETCD_AUTO_COMPACTION_MODE', settings.autoCompactionMode],
    ['ETCD_AUTO_COMPACTION_RETENTION', settings.autoCompactionRetention],
  ];
  return optional.flatMap(([name, value]): Variable[] =>
    value === undefined ? [] : [[name, String(value)]],
  );
}

function clusteringVariables(settings: EtcdConfSettings): Variable[] {
  return [
    ['ETCD_INITIAL_ADVERTISE_PEER_URLS', settings.initialAdvertisePeerURLs.join(',')],
    ['ETCD_ADVERTISE_CLIENT_URLS', settings.advertiseClientURLs.join(',')],
    ['ETCD_INITIAL_CLUSTER', renderInitialCluster(settings.initialCluster)],
    ['ETCD_INITIAL_CLUSTER_TOKEN', settings.initialClusterToken],
    ['ETCD_INITIAL_CLUSTER_STATE', settings.initialClusterState],
  ];
}

function securityVariables({ client, peer }: EtcdConfSettings): Variable[] {
  return [
    ['ETCD_CERT_FILE', client.certFile],
    ['ETCD_KEY_FILE', client.keyFile],
    ['ETCD_CLIENT_CERT_AUTH', 'true'],
    ['ETCD_TRUSTED_CA_FILE', client.trustedCaFile],
    ['ETCD_PEER_CERT_FILE', peer.certFile],
    ['ETCD_PEER_KEY_FILE', peer.keyFile],
    ['ETCD_PEER_CLIENT_CERT_AUTH', 'true'],
    ['ETCD_PEER_TRUSTED_CA_FILE', peer.trustedCaFile],
  ];
}

function loggingVariables(version: EtcdVersion): Variable[] {
  const { logger, logOutputs } = featuresOf(version);
  const variables: Variable[] = [];
  if (logger === 'capnslogByDefault') variables.push(['ETCD_LOGGER', 'zap']);
  // Left to itself etcd picks the journal or stderr by who started it; under systemd stderr is the journal anyway.
  if (logOutputs) variables.push(['ETCD_LOG_OUTPUTS', 'stderr']);
  return variables;
}

/**
 * Compare the data with the other members' before serving; 3.5 has it right from 3.5.3 on. Where all members start at the same
 * moment each waits seven seconds for every other one, which does not serve either.
 */
function integrityVariables({ togetherWithAll }: EtcdConfSettings, version: EtcdVersion): Variable[] {
  switch (featuresOf(version).initialCorruptCheck) {
    case 'notUsed':
      return [];
    case 'experimentalVariable':
      if (togetherWithAll === true || (isAtLeast(version, '3.5.0') && !isAtLeast(version, '3.5.3')))
        return [];
      return [['ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK', 'true']];
    case 'featureGates': {
      const gates = togetherWithAll === true ? [] : ['InitialCorruptCheck=true'];
      return [['ETCD_FEATURE_GATES', [...gates, 'CompactHashCheck=true'].join(',')]];
    }
  }
}

function renderLine([name, value]: Variable, problems: string[]): string {
  try {
    return `${name}=${quoteEnvValue(value)}`;
  } catch (error) {
    problems.push(`${name}: ${(error as Error).message}`);
    return '';
  }
}
