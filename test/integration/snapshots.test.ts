/**
 * `coordinator snapshot` over real clusters: what is saved is what the members have, and what is not whole, or not ours, is said
 * to be so. Nothing half is left behind.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GrowingFile } from '@etcd-agent/platform';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  describeOutcome,
  expectEnd,
  mountSmall,
  type SmallDisk,
  type TestCluster,
  testCluster,
  waitFor,
  workspace,
} from '../support/index.js';
import { thorough } from '../support/thorough.js';

type Document = Record<string, unknown>;

interface Saving {
  readonly cluster: TestCluster;
  readonly dir: string;
}

/** Of the versions before, what their clusters were saved to. */
const older: string[] = [];
const keptIn = workspace('snapshots');

describe.each([
  { version: '3.3.25', nodes: 1 },
  { version: '3.4.23', nodes: 1 },
  { version: '3.5.30', nodes: 3 },
] as const)('with etcd $version on $nodes nodes', ({ version, nodes }) => {
  let saving: Saving;
  let file: string;

  async function json(args: readonly string[], code = 0): Promise<Document> {
    const outcome = await saving.cluster.coordinator([...args, '-o', 'json']);
    expect(outcome.code, describeOutcome(outcome)).toBe(code);
    return JSON.parse(outcome.stdout) as Document;
  }
  const named = (name: string) => join(saving.dir, name);
  const parts = () => readdirSync(saving.dir).filter((name) => name.includes('.part'));

  beforeAll(async () => {
    const cluster = await testCluster({ version, nodes });
    await cluster.prepare();
    expectEnd(await cluster.bootstrap(), 0);
    saving = { cluster, dir: cluster.dir };
    for (let each = 0; each < 5; each += 1) await put(`/k/${each % 3}`, `value ${each}`);
    await cluster.etcdctl(['del', '/k/1']);
    return () => cluster.close();
  });

  async function put(key: string, value: string): Promise<void> {
    const outcome = await saving.cluster.etcdctl(['put', key, value]);
    if (outcome.code !== 0) throw new Error(describeOutcome(outcome));
  }

  test('one is saved, from a follower where there is one, and says what is in it', async () => {
    const saved = await json(['snapshot', 'save', saving.dir]);
    file = saved.file as string;
    copyFileSync(file, join(keptIn, `${version}.db`));
    expect(file).toMatch(/\/test-\d{8}T\d{6}Z-rev\d+\.snapshot\.db$/);
    expect(saved).toMatchObject({
      role: nodes === 1 ? 'alone' : 'follower',
      bytes: statSync(file).size,
      verified: null,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const theirs = await saving.cluster.etcdctl(['snapshot', 'status', file, '-w', 'json']);
    expect(String((JSON.parse(theirs.stdout) as Document).revision)).toBe(saved.revision);
    expect(parts()).toEqual([]);
    const listed = await json(['snapshot', 'list']);
    expect(listed.here).toMatchObject([{ file, there: true, verified: null }]);
  });

  test('its trial restore has the keys, the revision and the hash of the members', async () => {
    const verified = await json(['snapshot', 'verify', file]);
    const asked = await saving.cluster.etcdctl(['endpoint', 'hashkv', '-w', 'json']);
    const hashes = (JSON.parse(asked.stdout) as { HashKV: { hash: number } }[]).map(
      ({ HashKV }) => HashKV.hash,
    );
    const listed = await json(['snapshot', 'list']);
    const [here] = listed.here as { revision: string; keys: number; verified: object }[];
    expect(verified).toMatchObject({
      ofThisCluster: true,
      seal: 'right',
      content: { revision: here!.revision, keys: here!.keys, hash: hashes[0] },
    });
    expect(here!.verified).toMatchObject({ content: verified.content });
    // The copy that was sent for it is gone again.
    expect((listed.nodes as { snapshots: object[] }[]).flatMap(({ snapshots }) => snapshots)).toEqual([]);
  });

  test.runIf(nodes === 3)('a file that is there is left as it is', async () => {
    const before = readFileSync(file);
    const refused = await saving.cluster.coordinator(['snapshot', 'save', file]);
    expectEnd(refused, 6);
    expect(refused.stderr).toMatch(/is there already/);
    expect(readFileSync(file)).toEqual(before);
  });

  test.runIf(nodes === 3)('one with a byte changed or cut short is said to be damaged', async () => {
    const whole = readFileSync(file);
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1]! ^= 1;
    for (const [name, bytes] of [
      ['flipped.db', flipped],
      ['torn.db', whole.subarray(0, whole.length - 7)],
    ] as const) {
      writeFileSync(named(name), bytes);
      const outcome = await saving.cluster.coordinator(['snapshot', 'verify', named(name)]);
      expectEnd(outcome, 1);
      expect(outcome.stderr, name).toMatch(
        /no snapshot that can be used[\s\S]*bytes have changed, or are missing/,
      );
    }
  });

  test.runIf(nodes === 3)(
    'a copy of the database without a seal is tried, and said to be vouched for by nothing',
    async () => {
      writeFileSync(named('copy.db'), readFileSync(file).subarray(0, -32));
      const outcome = await saving.cluster.coordinator(['snapshot', 'verify', named('copy.db')]);
      expectEnd(outcome, 0);
      expect(outcome.stderr).toMatch(/nothing vouches for its bytes/);
    },
  );

  test("an older version's, of another cluster, is good, and said to be another's", async () => {
    for (const theirs of older.slice(-1)) {
      const verified = await json(['snapshot', 'verify', join(keptIn, `${theirs}.db`)]);
      expect(verified).toMatchObject({ ofThisCluster: false });
    }
    older.push(version);
  });

  test('with access control on, all of it goes on', async () => {
    const { cluster } = saving;
    for (const args of [
      ['user', 'add', 'root:secret'],
      ['user', 'grant-role', 'root', 'root'],
      ['auth', 'enable'],
    ])
      expectEnd(await cluster.etcdctl(args), 0);
    try {
      const saved = await json(['snapshot', 'save', named('auth.db'), '--verify']);
      expect(saved).toMatchObject({
        file: named('auth.db'),
        verified: { content: { revision: saved.revision } },
      });
    } finally {
      expectEnd(await cluster.etcdctl(['auth', 'disable']), 0);
    }
  });

  test.runIf(nodes === 3)(
    'old ones are pruned once a newer one is verified, and a dry run shows them first',
    async () => {
      // Verified: the first one, and the one that was saved with access control on.
      const planned = await json(['snapshot', 'prune', '--keep', '1', '--dry-run']);
      expect(planned).toMatchObject({ removed: false, snapshots: [{ where: 'here', file }] });
      expect(existsSync(file)).toBe(true);
      expect(await json(['snapshot', 'prune', '--keep', '1', '--yes'])).toMatchObject({ removed: true });
      expect([existsSync(file), existsSync(named('auth.db'))]).toEqual([false, true]);
      expect(await json(['snapshot', 'prune', '--keep', '1', '--yes'])).toMatchObject({ snapshots: [] });
    },
  );

  // On booted hosts too.
  test.runIf(thorough && nodes === 3)(
    'agents take them in turns once they are told to, and keep as many as they are told',
    async () => {
      const { cluster } = saving;
      const policy = 'snapshots: { every: 10s, keep: 1, minFreeBytes: 0 }\n';
      cluster.writeTopology(cluster.topologyText() + policy);
      await cluster.must(['apply', '-f', cluster.topologyFile]);
      const listed = async () =>
        (await json(['snapshot', 'list'])).nodes as {
          node: string;
          schedule: { last: { ok: boolean; text: string } | null };
          snapshots: { name: string; sha256: string; origin: string; verified: object | null }[];
        }[];
      const ever = new Set<string>();
      await waitFor(
        'two nodes to have taken three snapshots',
        async () => {
          const now = await listed();
          for (const { snapshots } of now) {
            expect(snapshots.length).toBeLessThanOrEqual(2);
            for (const { name, verified } of snapshots) if (verified !== null) ever.add(name);
          }
          return ever.size >= 3 && now.filter(({ snapshots }) => snapshots.length > 0).length >= 2;
        },
        90_000,
        2_000,
      );
      cluster.writeTopology(cluster.topologyText());
      await cluster.must(['apply', '-f', cluster.topologyFile]);
      const [kept] = (await listed()).flatMap(({ node, snapshots }) =>
        snapshots.map((each) => ({ node, ...each })),
      );
      const verified = await json(['snapshot', 'verify', `${kept!.node}:${kept!.name}`]);
      expect(verified).toMatchObject({ sha256: kept!.sha256, origin: 'scheduled', on: kept!.node });
      const told = (await cluster.must(['events'])).stdout;
      expect(told).toMatch(/take a snapshot: there is none yet/);
      expect(told).toMatch(/revision \d+, \d+ keys/);
    },
  );

  test.runIf(nodes === 3)('a disk that is too small for it is told before it is full', async (context) => {
    const disk = mountSmall(named('small'), '8m', (why) => context.skip(why));
    try {
      disk.fill();
      const outcome = await saving.cluster.coordinator(['snapshot', 'save', join(disk.path, 'x.db')]);
      expectEnd(outcome, 1);
      expect(outcome.stderr).toMatch(/the disk of \S+ (has \d+ free|is full)/);
      expect(readdirSync(disk.path)).toEqual(['filler']);
    } finally {
      disk.unmount();
    }
  });
});

test('a file that grows on a disk that fills up says so and leaves nothing', async (context) => {
  const disk: SmallDisk = mountSmall(join(keptIn, 'small'), '4m', (why) => context.skip(why));
  try {
    const file = await GrowingFile.begin(join(disk.path, 'x.part'));
    const grow = async () => {
      for (let each = 0; each < 20; each += 1) await file.append(Buffer.alloc(700_000, 7));
      await file.settle();
    };
    await expect(grow()).rejects.toMatchObject({ code: 'ENOSPC' });
    await file.discard();
    expect(readdirSync(disk.path)).toEqual([]);
  } finally {
    disk.unmount();
  }
});
