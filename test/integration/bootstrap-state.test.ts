/** The coordinator's state carried to another host, gone stale, or brought back from an old copy; and what only looks. */
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { expectEnd, expectWhole, fingerprint, type TestCluster, testCluster } from '../support/index.js';

let cluster: TestCluster;
let passphraseFile: string;
let early: string;

beforeAll(async () => {
  cluster = await testCluster({ nodes: 2 });
  passphraseFile = join(cluster.dir, 'passphrase');
  early = join(cluster.dir, 'early.sealed');
  writeFileSync(passphraseFile, 'correct horse battery staple\n');
  await cluster.prepare();
});

test('a dry run prints the plan and changes nothing, on no host', async () => {
  const dirs = [cluster.stateDir, ...cluster.nodes.map(({ dir }) => dir)];
  const look = () => dirs.map((dir) => fingerprint(dir, /agent\.log$/));
  const before = look();
  const outcome = await cluster.coordinator(['bootstrap', '--dry-run', '-o', 'json']);
  expectEnd(outcome, 0, 'nothing was changed');
  const { steps } = JSON.parse(outcome.stdout) as { steps: { kind: string }[] };
  expect(steps.map(({ kind }) => kind)).toEqual([
    ...['enrol', 'preflight', 'certify', 'record', 'configure', 'start', 'verify'],
  ]);
  expect(look()).toEqual(before);
});

test('without --yes and without a terminal nothing begins: exit code 2 and the command to run', async () => {
  expectEnd(await cluster.coordinator(['bootstrap']), 2, 'no terminal', 'bootstrap --yes');
  expect(cluster.record()).toBeUndefined();
});

test('a state exported before the nodes were enrolled and imported after it says that it does not know them', async () => {
  await cluster.must(['state', 'export', early, '--passphrase-file', passphraseFile]);
  // The tokens of the early copy are used by this bootstrap.
  await expectWhole(cluster, await cluster.bootstrap());
  const restored = join(cluster.dir, 'restored');
  const outcome = await cluster.coordinator(['state', 'import', early, '--passphrase-file', passphraseFile], {
    stateDir: restored,
  });
  // Made before the nodes were enrolled, it knows no certificate of theirs: it says so, and what to do.
  expectEnd(outcome, 5, 'etcd0 has a join token but is not enrolled yet', 'import again');
  rmSync(restored, { recursive: true });
});

test('a state exported and imported on another host shows and bootstraps the same cluster, with no change to it', async () => {
  const file = join(cluster.dir, 'state.sealed');
  const elsewhere = join(cluster.dir, 'elsewhere');
  await cluster.must(['state', 'export', file, '--passphrase-file', passphraseFile]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const pids = cluster.etcdPids();
  await cluster.must(['state', 'import', file, '--passphrase-file', passphraseFile], { stateDir: elsewhere });
  expect(cluster.record(elsewhere)).toEqual(cluster.record());
  expectEnd(await cluster.coordinator(['status'], { stateDir: elsewhere }), 0);
  expectEnd(await cluster.coordinator(['bootstrap', '--yes'], { stateDir: elsewhere }), 0);
  expect(cluster.etcdPids()).toEqual(pids);
  rmSync(elsewhere, { recursive: true });
});

test('with a wrong passphrase the file stays closed: exit code 7, and no state is made', async () => {
  const file = join(cluster.dir, 'state.sealed');
  const wrong = join(cluster.dir, 'wrong');
  writeFileSync(wrong, 'incorrect horse battery staple\n');
  const nowhere = join(cluster.dir, 'nowhere');
  const outcome = await cluster.coordinator(['state', 'import', file, '--passphrase-file', wrong], {
    stateDir: nowhere,
  });
  expectEnd(outcome, 7, 'passphrase is wrong');
  expect(fingerprint(nowhere)).toEqual([]);
});

test('a copy that has fallen behind is refused; exported before and imported again, it learns the newer generation', async () => {
  const stale = join(cluster.dir, 'stale');
  const old = join(cluster.dir, 'old.sealed');
  const learnt = join(cluster.dir, 'learnt');
  cpSync(cluster.stateDir, stale, { recursive: true });
  await cluster.must(['state', 'export', old, '--passphrase-file', passphraseFile]);
  const pids = cluster.etcdPids();

  // What any later change of the specs does: a higher generation goes out to every node.
  const { generation } = cluster.record()!;
  const file = join(cluster.stateDir, 'bootstrap.json');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(`"generation": ${generation},`, `"generation": ${generation + 4},`));
  await expectWhole(cluster, await cluster.bootstrap());

  const refused = await cluster.coordinator(['bootstrap', '--yes'], { stateDir: stale });
  expectEnd(refused, 6, `already has generation ${generation + 4}, this state knows ${generation}`, 'import');

  const imported = await cluster.coordinator(['state', 'import', old, '--passphrase-file', passphraseFile], {
    stateDir: learnt,
  });
  expectEnd(imported, 0);
  expect(imported.stdout).toContain(`generation ${generation + 4}, read back from the agents`);
  expectEnd(await cluster.coordinator(['bootstrap', '--yes'], { stateDir: learnt }), 0);
  expect(cluster.etcdPids()).toEqual(pids);
});

test('a node that is enrolled again gets a new certificate, every agent hears of it, and no etcd restarts', async () => {
  const pids = cluster.etcdPids();
  const learnt = join(cluster.dir, 'learnt');
  const before = cluster.record(learnt)!.generation;
  const { stdout } = await cluster.must(['token', 'etcd1'], { stateDir: learnt });
  await cluster.node('etcd1').agentCommand(['enrol', '--token-file', '-'], { stdin: stdout });
  expectEnd(await cluster.coordinator(['bootstrap', '--yes'], { stateDir: learnt }), 0);
  expect(cluster.record(learnt)!.generation).toBe(before + 1);
  expect(cluster.etcdPids()).toEqual(pids);
  // The state from before does not know the new certificate: it takes the agent for a stranger.
  expectEnd(await cluster.bootstrap(), 7, 'etcd1', 'certificate is not the one');
});
