import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ConfigError,
  type ConfigSources,
  configKeys,
  environmentName,
  flagName,
  hostOf,
  loadConfig,
  pathsOf,
  portOf,
} from './config.js';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'agent-config-'));
  file = join(directory, 'agent.yaml');
});
afterEach(() => rmSync(directory, { recursive: true }));

function load(text: string, rest: Partial<Omit<ConfigSources, 'file'>> = {}) {
  writeFileSync(file, text);
  return loadConfig({ file, environment: {}, flags: {}, ...rest });
}

/** `where: path message` of every problem. */
function problemsOf(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ where, path, message }) =>
      [where.replace(directory, ''), path, message].filter((part) => part !== '').join(': '),
    );
  }
  throw new Error('the configuration was accepted');
}

describe('the configuration', () => {
  it('of an empty file is the documented defaults', () => {
    expect(load('')).toEqual({
      listen: '0.0.0.0:2400',
      stateDir: '/var/lib/etcd-agent',
      runDir: '/run/etcd-agent',
      serviceManager: 'auto',
      etcdBinary: 'auto',
      etcdConfigDir: '/etc/etcd',
      etcdUser: 'etcd',
      logLevel: 'info',
    });
  });

  it('of the file is overridden by the environment, and that by flags, key by key', () => {
    const text = 'stateDir: /file\nrunDir: /file\netcdConfigDir: /file\n';
    const environment = { ETCD_AGENT_RUN_DIR: '/environment', ETCD_AGENT_ETCD_CONFIG_DIR: '/environment' };
    const config = load(text, { environment, flags: { etcdConfigDir: '/flag' } });
    expect(config).toMatchObject({ stateDir: '/file', runDir: '/environment', etcdConfigDir: '/flag' });
  });

  it('of a flag wins over the file without the environment, and a default never wins', () => {
    expect(load('logLevel: debug\n', { flags: { logLevel: 'error' } }).logLevel).toBe('error');
    expect(load('logLevel: debug\n', { flags: { listen: '127.0.0.1:1' } }).logLevel).toBe('debug');
  });

  it('takes an empty etcdUser for the own account, from anywhere', () => {
    expect(load('etcdUser: ""\n').etcdUser).toBe('');
    expect(load('', { environment: { ETCD_AGENT_ETCD_USER: '' } }).etcdUser).toBe('');
  });

  it('can be given as a whole in each of the three ways', () => {
    const values = {
      listen: '[::1]:2401',
      stateDir: '/a',
      runDir: '/b',
      serviceManager: 'process',
      etcdBinary: '/c',
      etcdConfigDir: '/d',
      etcdUser: 'other',
      logLevel: 'trace',
    } as const;
    const environment = Object.fromEntries(configKeys.map((key) => [environmentName(key), values[key]]));
    const yaml = configKeys.map((key) => `${key}: ${JSON.stringify(values[key])}\n`).join('');
    expect(load(yaml)).toEqual(values);
    expect(load('', { environment })).toEqual(values);
    expect(load('', { flags: values })).toEqual(values);
  });

  it('has one spelling of each key for the environment and for flags', () => {
    expect(environmentName('etcdConfigDir')).toBe('ETCD_AGENT_ETCD_CONFIG_DIR');
    expect(flagName('etcdConfigDir')).toBe('--etcd-config-dir');
    expect(new Set(configKeys.map(environmentName)).size).toBe(configKeys.length);
  });
});

describe('a wrong configuration', () => {
  it('tells every problem of every source at once, each with its place', () => {
    const text = 'stateDir: relative\nlogLevl: debug\nrunDir: 5\n';
    const environment = { ETCD_AGENT_LOG_LEVEL: 'loud', ETCD_AGENT_STATEDIR: '/x' };
    const problems = problemsOf(() =>
      load(text, { environment, flags: { listen: 'localhost', serviceManager: 'upstart' } }),
    );
    expect(problems.map((problem) => problem.split(': ').slice(0, 2).join(': ')).sort()).toEqual([
      '/agent.yaml:1: stateDir',
      '/agent.yaml:2: logLevl',
      '/agent.yaml:3: runDir',
      'environment ETCD_AGENT_LOG_LEVEL: "loud" Invalid option',
      'environment ETCD_AGENT_STATEDIR: is not a known setting',
      'flag --listen: "localhost" is not ADDRESS:PORT, such as 0.0.0.0:2400',
      'flag --service-manager: "upstart" Invalid option',
    ]);
  });

  it('tells a wrong value in the file even where a flag overrides it', () => {
    expect(problemsOf(() => load('logLevel: loud\n', { flags: { logLevel: 'info' } }))).toHaveLength(1);
    const environment = { ETCD_AGENT_LOG_LEVEL: 'loud' };
    expect(problemsOf(() => load('', { environment, flags: { logLevel: 'info' } }))).toHaveLength(1);
  });

  it('is one message that a person can read', () => {
    expect(() => load('nonsense: 1\n')).toThrow(/agent\.yaml:1: nonsense is not a known key/);
  });

  it.each([
    'localhost:2400',
    '0.0.0.0',
    '0.0.0.0:',
    '0.0.0.0:0',
    '0.0.0.0:65536',
    '0.0.0.0:100000',
    '0.0.0.0:http',
    ':2400',
    '::1:2400',
    '1.2.3:2400',
    '0.0.0.0:2400 ',
    'https://0.0.0.0:2400',
  ])('names the listen address %j', (listen) => {
    expect(problemsOf(() => load('', { flags: { listen } }))).toEqual([
      expect.stringMatching(/^flag --listen: .*(is not ADDRESS:PORT|has no port)/),
    ]);
  });

  it.each(['/var/../etc', 'etcd', '/with space', '/quo"te', '/per%cent', '/'])(
    'names the path %j',
    (path) => {
      expect(problemsOf(() => load(`stateDir: ${JSON.stringify(path)}\n`))).toEqual([
        expect.stringMatching(/^\/agent\.yaml:1: stateDir: .*\bpath\b/),
      ]);
    },
  );

  it.each(['etcd user', 'ETCD', '-etcd', 'a'.repeat(33), '../etcd'])('names the account %j', (etcdUser) => {
    expect(problemsOf(() => load('', { flags: { etcdUser } }))).toEqual([
      expect.stringContaining('is not an account name'),
    ]);
  });

  it('that is no YAML is told with its line', () => {
    expect(problemsOf(() => load('listen: "0.0.0.0:2400\n'))[0]).toMatch(/^\/agent\.yaml:\d+: /);
    expect(problemsOf(() => load('- a\n- b\n'))[0]).toMatch(/^\/agent\.yaml/);
    expect(problemsOf(() => load('logLevel: info\nlogLevel: debug\n'))[0]).toMatch(/^\/agent\.yaml:2/);
  });
});

describe('the configuration file', () => {
  const missing = () => join(directory, 'missing.yaml');

  it('must be there when a flag names it', () => {
    expect(problemsOf(() => loadConfig({ file: missing(), environment: {}, flags: {} }))).toEqual([
      '/missing.yaml: cannot be read (ENOENT)',
    ]);
  });

  it('must be there when the environment names it', () => {
    const environment = { ETCD_AGENT_CONFIG: missing() };
    expect(problemsOf(() => loadConfig({ file: undefined, environment, flags: {} }))).toEqual([
      '/missing.yaml: cannot be read (ENOENT)',
    ]);
  });

  it('named by a flag is read instead of the one that the environment names', () => {
    expect(load('logLevel: warn\n', { environment: { ETCD_AGENT_CONFIG: missing() } }).logLevel).toBe('warn');
  });

  it('that is missing does not hide what is wrong elsewhere', () => {
    const flags = { listen: 'nowhere' };
    expect(problemsOf(() => loadConfig({ file: missing(), environment: {}, flags }))).toHaveLength(2);
  });

  it('that is a directory is told', () => {
    expect(problemsOf(() => loadConfig({ file: directory, environment: {}, flags: {} }))).toEqual([
      'cannot be read (EISDIR)',
    ]);
  });
});

describe('the environment', () => {
  it('of a test or of another program is left alone', () => {
    const environment = { ETCD_AGENT_TEST_SEED: '1', ETCD_NAME: 'x', ETCDCTL_API: '3', PATH: '/bin' };
    expect(load('', { environment }).logLevel).toBe('info');
  });

  it('with a misspelt variable is refused, even an empty one', () => {
    expect(problemsOf(() => load('', { environment: { ETCD_AGENT_LISTN: '' } }))).toEqual([
      'environment ETCD_AGENT_LISTN: is not a known setting',
    ]);
  });
});

describe('listen and paths', () => {
  it('come apart into host and port', () => {
    expect([hostOf('0.0.0.0:2400'), portOf('0.0.0.0:2400')]).toEqual(['0.0.0.0', 2400]);
    expect([hostOf('[fd00::1]:1'), portOf('[fd00::1]:1')]).toEqual(['fd00::1', 1]);
  });

  it('lie where the configuration says, and nowhere else', () => {
    const paths = pathsOf(load('stateDir: /s\nrunDir: /r\netcdConfigDir: /e\n'));
    for (const path of Object.values(paths)) expect(path).toMatch(/^\/[sre](\/[a-z0-9.-]+)?$/);
    expect(new Set(Object.values(paths)).size).toBe(Object.values(paths).length);
  });
});
