/**
 * The agent's own configuration: a YAML file, overridden by the environment, overridden by flags. What etcd runs with
 * is not here: that comes with the member spec.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { agentPortDefault, plainPath } from '@etcd-agent/protocol';
import { type Problem, readStrictYaml } from '@etcd-agent/strict-yaml';
import * as z from 'zod';

const configFileDefault = '/etc/etcd-agent/agent.yaml';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
const accountName = z.string().regex(/^([a-z_][a-z0-9_-]{0,31})?$/, 'is not an account name');

/** `host:port`, the host an IP address; IPv6 in brackets. */
const listenAddress = z
  .string()
  .regex(/^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/, 'is not ADDRESS:PORT, such as 0.0.0.0:2400')
  .refine((text) => isIP(hostOf(text)) !== 0, 'has no valid IP address')
  .refine((text) => portOf(text) >= 1 && portOf(text) <= 65_535, 'has no port between 1 and 65535');

export const configSchema = z.strictObject({
  /** Where coordinators and peers reach this agent. */
  listen: listenAddress.default(`0.0.0.0:${agentPortDefault}`),
  /** Identity, keys, spec: 0700. */
  stateDir: plainPath.default('/var/lib/etcd-agent'),
  /** Lost at a reboot on purpose: the permit to start on an empty data dir and the clearance of this boot live here. */
  runDir: plainPath.default('/run/etcd-agent'),
  serviceManager: z.enum(['auto', 'systemd', 'process']).default('auto'),
  /** `auto`: the one that a coordinator has installed here from a file, else the distribution's. */
  etcdBinary: z
    .union([z.literal('auto'), plainPath], { error: 'is neither auto nor a plain absolute path' })
    .default('auto'),
  /** `etcd.conf` and the PEM files of etcd. */
  etcdConfigDir: plainPath.default('/etc/etcd'),
  /** The account that etcd runs as; empty: the agent's own. */
  etcdUser: accountName.default('etcd'),
  logLevel: z.enum(logLevels).default('info'),
});
export type AgentConfig = z.infer<typeof configSchema>;
export type ConfigKey = keyof AgentConfig;

export const configKeys = Object.keys(configSchema.shape) as ConfigKey[];

/** `ETCD_AGENT_ETCD_BINARY` for `etcdBinary`. */
export function environmentName(key: ConfigKey): string {
  return `ETCD_AGENT_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `--etcd-binary` for `etcdBinary`. */
export function flagName(key: ConfigKey): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Everything that is wrong with the configuration, from all its sources. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly Problem[]) {
    super(
      problems.map((problem) => `${problem.where}: ${problem.path} ${problem.message}`.trim()).join('\n'),
    );
  }
}

export interface ConfigSources {
  /** The file a person named; where undefined, the default file is read if it is there. */
  readonly file: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Partial<Record<ConfigKey, string>>;
}

/** File < environment < flags. Throws ConfigError with every problem of every source. */
export function loadConfig(sources: ConfigSources): AgentConfig {
  const problems: Problem[] = [];
  const merged: Record<string, unknown> = {};

  const label = sources.file ?? sources.environment.ETCD_AGENT_CONFIG ?? configFileDefault;
  const mayBeMissing = sources.file === undefined && sources.environment.ETCD_AGENT_CONFIG === undefined;
  const text = readConfigFile(label, mayBeMissing, problems);
  if (text !== undefined) {
    const reading = readStrictYaml(text, configSchema.partial(), label);
    if (reading.kind === 'ok') Object.assign(merged, definedOnly(reading.value));
    else problems.push(...reading.problems);
  }
  for (const key of configKeys) {
    const name = environmentName(key);
    takeText(key, sources.environment[name], `environment ${name}`, merged, problems);
    takeText(key, sources.flags[key], `flag ${flagName(key)}`, merged, problems);
  }
  problems.push(...unknownEnvironment(sources.environment));
  if (problems.length > 0) throw new ConfigError(problems);
  return configSchema.parse(merged);
}

/** The port of a `host:port` that the schema accepted. */
export function portOf(listen: string): number {
  return Number(listen.slice(listen.lastIndexOf(':') + 1));
}

/** The host likewise, without brackets. */
export function hostOf(listen: string): string {
  return listen.slice(0, listen.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

/** Where the agent keeps what; every path of it in one place. */
export function pathsOf(config: AgentConfig) {
  const state = (...parts: string[]) => join(config.stateDir, ...parts);
  const conf = (...parts: string[]) => join(config.etcdConfigDir, ...parts);
  return {
    stateDir: config.stateDir,
    lock: state('agent.lock'),
    /** Room for this agent on a disk that has filled up. */
    reserve: state('reserve'),
    joinToken: state('join-token'),
    identity: state('identity.json'),
    /** A key and request that are bound to a token but not certified yet. */
    pendingEnrolment: state('pending-enrolment.json'),
    spec: state('member-spec.json'),
    dataDirRecord: state('data-dir.json'),
    /** What healing remembers, the journal of a repair under way, and what has happened. */
    healing: state('healing.json'),
    positions: state('positions.json'),
    repair: state('repair.json'),
    /** An installation by the package manager that is under way, and what the package manager printed last. */
    packageInstall: state('package-install.json'),
    packageOutput: state('package-manager.log'),
    /** Etcds from files, where etcd runs as this agent's own account. */
    ownEtcds: state('etcd'),
    /** Snapshots of etcd's data, unless the topology says where. */
    snapshotsDir: state('snapshots'),
    events: state('events.jsonl'),
    keysDir: state('keys'),
    copiesDir: state('certificates'),
    processState: state('process.json'),
    etcdLog: state('etcd.log'),
    permit: join(config.runDir, 'may-start-empty'),
    clearance: join(config.runDir, 'cleared'),
    runDir: config.runDir,
    etcdConfigDir: config.etcdConfigDir,
    etcdConf: conf('etcd.conf'),
    etcdCa: conf('etcd-root-ca.pem'),
    etcdCert: conf('etcd.pem'),
    etcdKey: conf('etcd-key.pem'),
    peerCa: conf('peer-ca.pem'),
    peerCert: conf('peer.pem'),
    peerKey: conf('peer-key.pem'),
  } as const;
}
export type AgentPaths = ReturnType<typeof pathsOf>;

function readConfigFile(path: string, mayBeMissing: boolean, problems: Problem[]): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' && mayBeMissing) return undefined;
    problems.push({ where: path, path: '', message: `cannot be read (${code})` });
    return undefined;
  }
}

function takeText(
  key: ConfigKey,
  text: string | undefined,
  where: string,
  into: Record<string, unknown>,
  problems: Problem[],
): void {
  if (text === undefined) return;
  const parsed = configSchema.shape[key].safeParse(text);
  if (parsed.success) into[key] = parsed.data;
  else
    problems.push({ where, path: '', message: `${JSON.stringify(text)} ${parsed.error.issues[0]!.message}` });
}

const otherNames = new Set(['ETCD_AGENT_CONFIG']);

// A misspelt variable would otherwise be obeyed by nobody and noticed by nobody.
function unknownEnvironment(environment: ConfigSources['environment']): Problem[] {
  const known = new Set([...configKeys.map(environmentName), ...otherNames]);
  return Object.keys(environment)
    .filter(
      (name) => name.startsWith('ETCD_AGENT_') && !name.startsWith('ETCD_AGENT_TEST_') && !known.has(name),
    )
    .map((name) => ({ where: `environment ${name}`, path: '', message: 'is not a known setting' }));
}

function definedOnly(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}
