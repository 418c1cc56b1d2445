/**
 * The command line by itself, as people and scripts meet it: exit codes, one document on stdout, four facts in an error,
 * no questions without a terminal, a private state, CA files that are damaged. No agent runs.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '@etcd-agent/pki';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  describeOutcome,
  type Outcome,
  programs,
  runProgram,
  type TestCluster,
  testCluster,
  wrongClock,
} from '../support/index.js';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await testCluster({ nodes: 3 });
  await cluster.must(['init', '-f', cluster.topologyFile]);
});

const coordinator = (args: readonly string[], env: Record<string, string> = {}) =>
  runProgram(programs.coordinator, args, { env });

/** A failure as everybody should meet it: nothing on stdout, what and what next on stderr, no stack. */
function expectFailure(outcome: Outcome, code: number, ...lines: readonly RegExp[]): void {
  expect(outcome.code, describeOutcome(outcome)).toBe(code);
  expect(outcome.stdout).toBe('');
  expect(outcome.stderr).toMatch(/^error: /m);
  expect(outcome.stderr).not.toMatch(/^\s+at .+:\d+:\d+/m);
  expect(outcome.stderr).not.toContain('COORDINATOR_DEBUG');
  for (const line of lines) expect(outcome.stderr).toMatch(line);
}

describe('the command line', () => {
  it('without a command shows the help and exits 2', async () => {
    const outcome = await coordinator([]);
    expect(outcome.code).toBe(2);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(/^Usage: coordinator /);
  });

  it.each([
    [['frobnicate'], /^error: unknown command 'frobnicate'$/m],
    [['bootstrap', '--frob'], /^error: unknown option '--frob'$/m],
    [['member', 'frob'], /^error: unknown command 'frob'$/m],
    [['token'], /^error: missing required argument 'node'$/m],
    [['init'], /^error: required option '-f, --file <file>' not specified$/m],
    [['-o', 'xml', 'status'], /'xml' is invalid\. Allowed choices are table, json, yaml\.$/m],
    [['token', 'etcd0', '--ttl', '3y'], /'3y' is invalid\. It is not a duration such as 90s, 30m or 24h\.$/m],
    [['bootstrap', '--timeout', '0s'], /'0s' is invalid/m],
    [['heal', 'pause', '--for', '1h'], /^error: required option '--reason <text>' not specified$/m],
    [['events', '--since', 'yesterday'], /'yesterday' is invalid/m],
    [['apply'], /^error: required option '-f, --file <file>' not specified$/m],
    [['member', 'remove'], /^error: missing required argument 'node'$/m],
  ])('%j exits 2 with the reason and where help is', async (args, line) => {
    const outcome = await coordinator(args);
    expectFailure(outcome, 2, line, /--help shows what there is/);
  });

  it('--help and --version exit 0, on stdout', async () => {
    for (const args of [['--help'], ['bootstrap', '--help'], ['--version']]) {
      const outcome = await coordinator(args);
      expect([outcome.code, outcome.stderr]).toEqual([0, '']);
      expect(outcome.stdout).not.toBe('');
    }
  });

  it('with a node that is not in the topology names those that are', async () => {
    const outcome = await cluster.coordinator(['token', 'etcd9']);
    expectFailure(
      outcome,
      2,
      /^error: there is no node etcd9 in this cluster$/m,
      /^ {2}cause: its nodes are etcd0, etcd1, etcd2$/m,
      /^ {2}next: {2}coordinator token etcd0\|etcd1\|etcd2$/m,
    );
  });

  it.each([
    'status',
    'check',
    'bootstrap',
    'health',
    'env',
    'token etcd0',
    'member list',
    'member remove etcd0',
    'member replace etcd0',
    'node accept-disk etcd0',
    'heal status',
    'heal resume',
    'events',
    'events --follow',
    'explain etcd0',
    'state export f',
  ])('%s without a state says how to make one, and exits 2', async (command) => {
    const outcome = await coordinator(['--state', join(cluster.dir, 'nowhere'), ...command.split(' ')]);
    expectFailure(
      outcome,
      2,
      /^error: there is no coordinator state in \S+nowhere$/m,
      /^ {2}next: {2}coordinator init -f /m,
    );
    expect(existsSync(join(cluster.dir, 'nowhere'))).toBe(false);
  });

  it('takes the state dir from the environment, and the flag before that', async () => {
    const env = { COORDINATOR_STATE: cluster.stateDir };
    expect((await coordinator(['env'], env)).code).toBe(0);
    expect((await coordinator(['--state', '/nowhere', 'env'], env)).stderr).toContain(
      'there is no coordinator state in /nowhere',
    );
  });

  it('will not make a state where anything else is', async () => {
    const outcome = await coordinator(['--state', cluster.dir, 'init', '-f', cluster.topologyFile]);
    expectFailure(outcome, 6, /is not an empty directory$/m, /--state DIR/);
  });

  it('will not make a state over a state', async () => {
    const before = readFileSync(join(cluster.stateDir, 'ca', 'etcd-root-ca-key.pem'), 'utf8');
    const outcome = await cluster.coordinator(['init', '-f', cluster.topologyFile]);
    expectFailure(outcome, 6, /already holds the state of a cluster$/m, /never overwritten/);
    expect(readFileSync(join(cluster.stateDir, 'ca', 'etcd-root-ca-key.pem'), 'utf8')).toBe(before);
  });

  it('asks nobody where there is no terminal: exit 2, naming --passphrase-file', async () => {
    expectFailure(
      await cluster.coordinator(['state', 'export', join(cluster.dir, 'sealed')]),
      2,
      /^error: a passphrase is needed, and there is no terminal to ask on$/m,
      /--passphrase-file FILE/,
    );
    expect(existsSync(join(cluster.dir, 'sealed'))).toBe(false);
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }, {}])(
    'has no colour and no cursor control with %j and no terminal',
    async (env) => {
      for (const args of [['--help'], ['status'], ['check']]) {
        const { stdout, stderr } = await cluster.coordinator(args, { env });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
        expect(stdout + stderr).not.toMatch(/\u001b/);
      }
    },
  );
});

describe('a bad topology at init', () => {
  it('is told in full, exits 2 and makes nothing', async () => {
    const file = join(cluster.dir, 'bad.yaml');
    writeFileSync(
      file,
      'name: c\ncolour: red\nnodes:\n  - { name: a, address: 999.1.1.1 }\n  - { name: a, adress: 10.0.0.1 }\n',
    );
    const stateDir = join(cluster.dir, 'never');
    expectFailure(
      await coordinator(['--state', stateDir, 'init', '-f', file]),
      2,
      /bad\.yaml has 4 problems$/m,
      /^ {2}where: \S+bad\.yaml:2: colour is not a known key$/m,
      /^ {2}where: \S+bad\.yaml:4: nodes\[0\]\.address "999\.1\.1\.1" is not an IP address$/m,
      /^ {2}where: \S+bad\.yaml:5: nodes\[1\]\.address is required$/m,
      /^ {2}where: \S+bad\.yaml:5: nodes\[1\]\.adress is not a known key$/m,
      /^ {2}next: {2}edit \S+bad\.yaml; coordinator template shows every key with its meaning$/m,
    );
    expect(existsSync(stateDir)).toBe(false);
  });

  it('with an even number of voters is only a warning, on stderr', async () => {
    const even = await testCluster({ nodes: 2 });
    const outcome = await even.coordinator(['init', '-f', even.topologyFile]);
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    expect(outcome.stderr).toMatch(
      /^warning: \S+:2: nodes 2 voters tolerate 0 failures, as 1 would: use an odd number$/m,
    );
  });
});

describe('an edited topology that is applied', () => {
  const edited = (change: (text: string) => string) => {
    const file = join(cluster.dir, 'edited.yaml');
    writeFileSync(file, change(readFileSync(cluster.topologyFile, 'utf8')));
    return file;
  };
  const healing = (text: string, policy: string) => text.replace(/^healing: .*$/m, `healing: ${policy}`);
  const kept = () => readFileSync(join(cluster.stateDir, 'cluster.yaml'), 'utf8');

  it('may differ in what agents are told only: exit 6 names every other key, and nothing is kept', async () => {
    const before = kept();
    const file = edited((text) => healing(text.replace('etcd2', 'etcd7'), '{ mode: watch }'));
    expectFailure(
      await cluster.coordinator(['apply', '-f', file]),
      6,
      /differs from the running cluster in more than healing, snapshots and etcd\.install$/m,
      /^ {2}where: nodes\[2\]\.name: "etcd2" -> "etcd7"$/m,
    );
    expect(kept()).toBe(before);
  });

  it('is only shown in a dry run, and kept for the bootstrap where there was none yet', async () => {
    const before = kept();
    const file = edited((text) => healing(text, '{ orphan: 20m }'));
    const dry = await cluster.coordinator(['apply', '-f', file, '--dry-run']);
    expect([dry.code, dry.stdout], describeOutcome(dry)).toEqual([0, 'healing.orphan: "15m" -> "20m"\n']);
    expect(kept()).toBe(before);
    const applied = await cluster.coordinator(['apply', '-f', file]);
    expect(applied.code, describeOutcome(applied)).toBe(0);
    expect(kept()).toContain('orphan: 20m');
  });
});

describe('what a script reads', () => {
  const commands = ['template', 'template --schema', 'token etcd0', 'env', 'status', 'check'] as const;

  it.each(commands)(
    'of %s in json is one document with apiVersion and kind, everything else is on stderr',
    async (command) => {
      const { stdout } = await cluster.coordinator([...command.split(' '), '-o', 'json']);
      const document = JSON.parse(stdout) as Record<string, unknown>;
      expect(document.apiVersion).toBe('etcd-agent/v1');
      expect(document.kind).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(stdout.endsWith('}\n')).toBe(true);
    },
  );

  it.each(commands.filter((command) => command !== 'token etcd0'))(
    'of %s in yaml is the same document',
    async (command) => {
      const args = command.split(' ');
      const json = await cluster.coordinator([...args, '-o', 'json']);
      const yaml = await cluster.coordinator([...args, '-o', 'yaml']);
      expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout));
    },
  );

  it('of a cluster that was not bootstrapped: members are neither removed nor replaced', async () => {
    for (const change of ['remove', 'replace'])
      expectFailure(
        await cluster.coordinator(['member', change, 'etcd0', '--yes']),
        1,
        /is not bootstrapped yet$/m,
        /coordinator bootstrap$/m,
      );
    expectFailure(await cluster.coordinator(['token', 'etcd0', '--replace']), 1, /is not bootstrapped yet$/m);
  });

  it('of a failure is nothing at all', async () => {
    expectFailure(
      await cluster.coordinator(['health', '-o', 'json']),
      1,
      /is not bootstrapped yet$/m,
      /coordinator bootstrap$/m,
    );
  });
});

describe('the state that init makes', () => {
  it('is private, every file of it', () => {
    const modes = (dir: string): string[] =>
      readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
        const path = join(dir, entry.name);
        const mode = (statSync(path).mode & 0o777).toString(8);
        return entry.isDirectory() ? [`d${mode}`, ...modes(path)] : [`f${mode}`];
      });
    expect((statSync(cluster.stateDir).mode & 0o777).toString(8)).toBe('700');
    expect(new Set(modes(cluster.stateDir))).toEqual(new Set(['d700', 'f600']));
  });
});

describe('the CA files of the state', () => {
  const file = (name: string) => join(cluster.stateDir, 'ca', name);
  const before = new Map<string, string>();
  const put = (name: string, text: string) => {
    if (!before.has(name)) before.set(name, readFileSync(file(name), 'utf8'));
    writeFileSync(file(name), text);
  };
  afterEach(() => {
    for (const [name, text] of before) {
      writeFileSync(file(name), text);
      chmodSync(file(name), 0o600);
    }
    before.clear();
  });
  const expectCa = (outcome: Outcome, what: RegExp, cause: RegExp) =>
    expectFailure(outcome, 7, what, cause, /^ {2}where: \S+\/ca\/agent-ca\.pem$/m, /^ {2}next: {2}\S/m);
  const token = () => cluster.coordinator(['token', 'etcd0']);

  it('missing', async () => {
    put('agent-ca.pem', '');
    rmSync(file('agent-ca.pem'));
    expectCa(
      await token(),
      /the agent CA cannot be used: agent-ca\.pem is missing/,
      /cause: the state dir is incomplete/,
    );
  });

  it('damaged', async () => {
    put('agent-ca.pem', readFileSync(file('agent-ca.pem'), 'utf8').slice(0, 200));
    expectCa(await token(), /the agent CA cannot be used: /, /cause: a file is damaged/);
  });

  it('of another state', async () => {
    const foreign = await createAuthority({
      subject: { CN: 'test agents', names: [] },
      key: { algo: 'ecdsa', size: 256 },
      expiry: '8760h',
      now: new Date(),
    });
    put('agent-ca.pem', foreign.certificate);
    expectCa(
      await token(),
      /key and certificate do not belong together/,
      /cause: files of two states were mixed/,
    );
    put('agent-ca-key.pem', foreign.key);
    // Now they fit each other, and not the coordinator's own certificate.
    expectFailure(
      await cluster.coordinator(['check']),
      7,
      /the coordinator's own certificate cannot be used: /,
      /^ {2}where: \S+\/link\/coordinator\.pem$/m,
      /^ {2}next: {2}restore /m,
    );
  });

  it('expired', async () => {
    const env = wrongClock('+4000d');
    expectCa(
      await cluster.coordinator(['token', 'etcd0'], { env }),
      /the agent CA cannot be used: it expired at 20\d\d-/,
      /cause: .*this host's clock is wrong/,
    );
  });

  it('put back are as good as before', async () => {
    expect((await token()).code).toBe(0);
  });
});
