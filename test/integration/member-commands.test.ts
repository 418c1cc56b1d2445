/**
 * `member remove`, `member replace` and `token --replace` over a real cluster: what a dry run leaves alone, what the guards
 * refuse, who stays out after a removal, how a node comes back, and that no acknowledged write is lost on the way.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeOutcome, expectEnd, sleep, type TestNode, waitFor } from '../support/index.js';
import { eventLines, newestEvent, quarantinesOn, repairsOf } from '../worlds/loopback/agent-record.js';
import { powerOff } from '../worlds/loopback/faults.js';
import { HealingWorld } from '../worlds/loopback/healing-world.js';
import { Writer, type Written } from '../worlds/loopback/writer.js';

let world: HealingWorld;
let [first, second, third]: readonly TestNode[] = [];

/** Longer than any time of the policy after which a node would rejoin. */
const quietMs = 4_000;

beforeAll(async () => {
  world = await HealingWorld.start({ version: '3.5.30' });
  [first, second, third] = world.nodes;
  return () => world.close();
});

test('a dry run tells what would be done and changes nothing', async () => {
  const before = await everything();
  const removal = await told(['member', 'remove', third!.name, '--dry-run'], 0);
  expect(removal).toMatchObject({ outcome: 'planned', node: third!.name, memberId: idOf(before, third!) });
  expect(removal.guards).toMatchObject([{ guard: 'quorum', ok: true }]);
  const replacement = await told(['member', 'replace', third!.name, '--dry-run'], 0);
  expect(replacement).toMatchObject({ outcome: 'planned', node: third!.name, accepted: false });
  expect((replacement.guards as { ok: boolean }[]).map(({ ok }) => ok)).not.toContain(false);
  expect((replacement.steps as string[]).join('; ')).toMatch(/stop etcd.*remove its entry.*add a new entry/);
  expect(await everything()).toEqual(before);
});

test('with one host gone a second member may be neither removed nor replaced: refused', async () => {
  const before = await everything();
  await powerOff(second!);
  const commands = ['remove', 'replace'].flatMap((what) => [
    ['member', what, third!.name, '--dry-run'],
    ['member', what, third!.name, '--yes'],
  ]);
  for (const refused of await Promise.all(commands.map((args) => told(args, 6)))) {
    expect(refused).toMatchObject({ outcome: 'refused' });
    expect(refused.guards).toContainEqual(expect.objectContaining({ guard: 'quorum', ok: false }));
  }
  await second!.startAgent();
  await world.whole(30_000);
  expect(await everything()).toEqual(before);
});

test('a member that is replaced comes back under a new id, its former data is kept', async () => {
  const oldId = await world.memberId(third!);
  let replaced: Document = {};
  await world.round(
    async () => {
      replaced = await told(['member', 'replace', third!.name, '--yes', '--timeout', '60s'], 0);
    },
    { repaired: [] },
  );
  const newId = await world.memberId(third!);
  expect(replaced).toMatchObject({ outcome: 'healthy', oldMemberId: oldId, newMemberId: newId });
  expect(newId).not.toBe(oldId);
  world.expectRepaired(third!, 'replaceMember', oldId);
  expect(world.quarantinesOfLastRepair(third!).flatMap(walsIn)).not.toEqual([]);
  const onTheHost = JSON.parse((await third!.agentCommand(['status', '-o', 'json'])).stdout);
  expect(onTheHost).toMatchObject({ spec: { memberId: newId }, dataDir: { state: 'ours' } });
});

test('a member that is removed while it runs stays out, with its data, until its node is replaced', async () => {
  const oldId = await world.memberId(third!);
  const written = await whileWriting('removed/', async () => {
    let mark = newestEvent(third!);
    expect(await removal(third!)).toMatchObject({ outcome: 'removed', memberId: oldId, missed: [] });
    await world.whole(30_000, [first!, second!]);
    await saysWhy(third!, oldId, mark);
    // One that begins anew knows it from what it was told.
    mark = newestEvent(third!);
    await third!.endAgent();
    await third!.startAgent();
    await saysWhy(third!, oldId, mark);
    expect(third!.etcdPids()).toEqual([]);
    expect(walsIn(third!.dataDir)).not.toEqual([]);
  });
  await world.expectKept(written, [first!, second!]);
  expect(world.cluster.record()).toMatchObject({ unwanted: [third!.name] });

  // Two voters are left, and neither can be spared.
  expect(await told(['member', 'remove', second!.name, '--yes'], 6)).toMatchObject({ outcome: 'refused' });
  expect(world.cluster.record()).toMatchObject({ unwanted: [third!.name] });

  await world.round(async () => {
    const replaced = await told(['member', 'replace', third!.name, '--yes', '--timeout', '60s'], 0);
    expect(replaced).toMatchObject({ outcome: 'healthy', oldMemberId: oldId });
  });
  await world.expectKept(written);
  expect(world.cluster.record()).toMatchObject({ unwanted: [] });
  expect(await world.memberId(third!)).not.toBe(oldId);
});

test('a reinstalled host whose member is still in the list takes its place under a new id', async () => {
  const oldId = await world.memberId(second!);
  const { replaces } = await reinstalled(second!);
  expect(replaces).toBe(oldId);
  const newMemberId = await world.memberId(second!);
  expect(newMemberId).not.toBe(oldId);
  const repairs = repairsOf(second!);
  expect(repairs).toMatchObject([{ rule: 'rejoinReplaced', oldMemberId: oldId, newMemberId }]);
});

test('a host that was removed while it was away stays out when it is back', async () => {
  const oldId = await world.memberId(third!);
  await powerOff(third!);
  const removed = await removal(third!);
  expect(removed).toMatchObject({ outcome: 'removed', missed: [{ node: third!.name }] });
  const mark = newestEvent(third!);
  await third!.startAgent();
  await saysWhy(third!, oldId, mark);
  await staysOut(third!);
});

type Document = Readonly<Record<string, unknown>>;

/** What a command prints as JSON; it must end with this exit code. */
async function told(args: readonly string[], code: number): Promise<Document> {
  const outcome = await world.orTold(world.cluster.coordinator([...args, '-o', 'json']));
  expect(outcome.code, `coordinator ${args.join(' ')} ${describeOutcome(outcome)}\n${world.told()}`).toBe(
    code,
  );
  return JSON.parse(outcome.stdout) as Document;
}

function removal(node: TestNode): Promise<Document> {
  return told(['member', 'remove', node.name, '--yes'], 0);
}

/** All that a command of this file may change: what the state records, the member list, what agents were told and did. */
async function everything() {
  return {
    record: world.cluster.record(),
    members: (await waitFor('a list of members', () => world.list())).map(({ id, role, peerURLs }) => ({
      id,
      role,
      peerURLs,
    })),
    nodes: world.nodes.map((node) => ({
      name: node.name,
      spec: node.read('agent', 'spec.json'),
      repairs: repairsOf(node).length,
      quarantines: quarantinesOn(node),
    })),
  };
}

function idOf({ members }: Awaited<ReturnType<typeof everything>>, node: TestNode): string {
  return members.find(({ peerURLs }) => peerURLs.includes(node.peerURL))!.id;
}

async function whileWriting(prefix: string, act: () => Promise<void>): Promise<Written> {
  const writer = await Writer.start(world.cluster, prefix);
  try {
    await waitFor('the first writes', () => writer.count > 10);
    await act();
    const { count } = writer;
    await waitFor('writes after it', () => writer.count > count + 10);
  } finally {
    await writer.stop();
  }
  return writer.stop();
}

async function saysWhy(node: TestNode, formerId: string, after: number): Promise<void> {
  const why = `waiting rejoinRemoved member ${formerId} was removed, and that is wanted`;
  await world.orTold(
    waitFor('why it stays out', () => eventLines(node, after).some((line) => line.startsWith(why))),
  );
}

/** For longer than any waiting time: no etcd, no entry, no repair begun, and the data of its former member where it was. */
async function staysOut(node: TestNode): Promise<void> {
  const aside = quarantinesOn(node);
  const mark = newestEvent(node);
  await sleep(quietMs);
  expect(eventLines(node, mark).filter((line) => !line.startsWith('waiting'))).toEqual([]);
  expect(node.etcdPids()).toEqual([]);
  const others = world.nodes.filter((each) => each !== node);
  expect((await world.list(others))!.flatMap(({ peerURLs }) => peerURLs)).not.toContain(node.peerURL);
  expect(quarantinesOn(node)).toEqual(aside);
  expect(walsIn(node.dataDir)).not.toEqual([]);
}

/** The host loses its disk, and comes back with a new token as the same node. Returns what `token` printed. */
async function reinstalled(node: TestNode): Promise<Document> {
  let printed: Document = {};
  await world.round(async () => {
    await powerOff(node);
    for (const path of [node.stateDir, node.runDir, node.dataDir, node.confDir])
      rmSync(path, { recursive: true, force: true });
    printed = await told(['token', node.name, '--replace'], 0);
    const enrol = ['enrol', '--token-file', '-'];
    expectEnd(await node.agentCommand(enrol, { stdin: `${printed.token}\n` }), 0);
    await node.startAgent();
    expectEnd(await world.cluster.bootstrap(), 0);
  });
  // The place was taken; were the host lost once more, that must not be taken for the same.
  expect(world.cluster.record()).toMatchObject({ unwanted: [], replaces: [] });
  return printed;
}

/** Names of the WAL files of a data dir. */
function walsIn(dataDir: string): string[] {
  const wal = [join(dataDir, 'member', 'wal'), join(dataDir, 'wal')].find((path) => existsSync(path));
  return wal === undefined ? [] : readdirSync(wal).filter((name) => name.endsWith('.wal'));
}
