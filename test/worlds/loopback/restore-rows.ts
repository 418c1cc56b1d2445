/**
 * A restore of a whole cluster from a snapshot: the data of the snapshot everywhere under new ids, the data of before moved
 * aside and nothing deleted; killed at any step it goes on; taken back, the former cluster is what it was.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  describeOutcome,
  type EtcdVersion,
  etcdVersions,
  foreignSnapshot,
  kill,
  type Outcome,
  type Running,
  type TestNode,
} from '../../support/index.js';
import { thoroughTest } from '../../support/thorough.js';
import { etcdctl } from './etcd-access.js';
import { flipInWal } from './faults.js';
import { HealingWorld } from './healing-world.js';

/** What the coordinator says when it begins each phase of a restore, in order. */
export const restorePhases = [
  'Hold every agent',
  'Stop etcd and move its data aside',
  'Restore the snapshot on every node',
  'Start etcd',
  'Wait until all members are healthy',
  'Let the agents go on',
];
const undoPhases = [
  'Hold every agent',
  'Put the former data back',
  'Start etcd',
  'Wait until all members are healthy',
  'Let the agents go on',
];

export class RestoreWorld {
  private constructor(
    readonly healing: HealingWorld,
    readonly file: string,
  ) {}

  /** A cluster with keys in a snapshot, and others that were written after it. */
  static async start(version: EtcdVersion, keys: readonly string[] = ['kept/a']): Promise<RestoreWorld> {
    const healing = await HealingWorld.start({ version });
    const world = new RestoreWorld(healing, join(healing.cluster.dir, 'saved.db'));
    for (const key of keys) await world.put(key, 'of the snapshot');
    await world.put('changed', 'of the snapshot');
    await world.etcdctl('snapshot', 'save', world.file);
    await world.put('changed', 'later');
    await world.put('later/b', 'later');
    return world;
  }

  get cluster() {
    return this.healing.cluster;
  }

  get nodes() {
    return this.healing.nodes;
  }

  etcdctl(...args: string[]): Promise<string> {
    return etcdctl(this.cluster, this.nodes[0]!, args);
  }

  put(key: string, value: string): Promise<string> {
    return this.etcdctl('put', key, value);
  }

  restore(...more: string[]): Promise<Outcome> {
    return this.restoreOf(this.file, ...more);
  }

  restoreOf(file: string, ...more: string[]): Promise<Outcome> {
    return this.cluster.coordinator(['restore', file, '--yes', '--confirm', 'test', ...more]);
  }

  undo(...more: string[]): Promise<Outcome> {
    return this.cluster.coordinator(['restore', 'undo', '--yes', '--confirm', 'test', ...more]);
  }

  /** Runs the command, and kills it when it begins this phase. */
  async cutShort(args: readonly string[], phase: string): Promise<Outcome> {
    const running = this.cluster.startCoordinator(args);
    running.onLine((line) => {
      if (line.startsWith(phase)) running.kill('SIGKILL');
    });
    return running.ended;
  }

  /**
   * Strikes when the command begins its first phase; then `--resume` at the next one, and so on, until a last one has ended it.
   * While it is under way every other command that changes something names it.
   */
  async killedAt(
    args: readonly string[],
    phases: readonly string[],
    strike: (running: Running) => void | Promise<void>,
  ): Promise<void> {
    let command = args;
    for (const phase of phases) {
      const running = this.cluster.startCoordinator(command);
      let struck: Promise<void> | undefined;
      running.onLine((line) => {
        if (line.startsWith(phase)) struck ??= Promise.resolve(strike(running));
      });
      const outcome = await running.ended;
      expect(struck, `${phase} was begun: ${describeOutcome(outcome)}`).toBeDefined();
      await struck;
      if (outcome.code === 0) break;
      if (phase === 'Start etcd') {
        const others = [
          ['bootstrap', '--yes'],
          ['member', 'remove', 'etcd1', '--yes'],
          ['apply', '-f', this.cluster.topologyFile],
        ];
        for (const other of others) {
          const refused = await this.cluster.coordinator(other);
          expect(refused.code, describeOutcome(refused)).toBe(6);
          expect(refused.stderr).toMatch(
            /has not ended: operation [0-9a-f-]{36}[\s\S]*coordinator restore --resume/,
          );
        }
      }
      command = ['restore', '--resume'];
    }
    const outcome = await this.cluster.coordinator(['restore', '--resume']);
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
  }

  /** The keys as every member's own store has them. */
  async keys(): Promise<string> {
    const read = await Promise.all(
      this.nodes.map(async (node) => {
        await etcdctl(this.cluster, node, ['get', 'health']);
        return etcdctl(this.cluster, node, ['get', '', '--from-key', '--consistency=s']);
      }),
    );
    expect(new Set(read).size, read.join('\n---\n')).toBe(1);
    return read[0]!;
  }

  aside(node: TestNode): string[] {
    return readdirSync(dirname(node.dataDir)).filter((name) =>
      name.startsWith(`${basename(node.dataDir)}.quarantine-`),
    );
  }

  /** The cluster is the one on record, its agents are free again, and each etcd.conf says `existing`. */
  async settled(): Promise<void> {
    await this.healing.whole(30_000);
    const record = this.cluster.record()!;
    for (const node of this.nodes) {
      const status = await this.healing.status(node);
      expect(status?.clusterId).toBe(record.clusterId);
      expect(node.confValue('ETCD_INITIAL_CLUSTER_STATE')).toBe('existing');
      const spec = JSON.parse(node.read('agent', 'member-spec.json')!) as {
        generation: number;
        hold?: unknown;
      };
      expect(spec.hold).toBeUndefined();
      expect(spec.generation).toBe(record.generation);
    }
  }
}

const ofSnapshot = 'changed\nof the snapshot\nkept/a\nof the snapshot\n';
const ofLater = 'changed\nlater\nkept/a\nof the snapshot\nlater/b\nlater\n';

/** One cluster for all tests of a file. */
function begin(version: EtcdVersion): () => RestoreWorld {
  let world: RestoreWorld;
  beforeAll(async () => {
    world = await RestoreWorld.start(version);
    return () => world.healing.close();
  });
  return () => world;
}

/** There and back. */
function tellPlainRestore(world: () => RestoreWorld): void {
  test('a snapshot is put in the place of all data, under new ids, and nothing is deleted', async () => {
    const before = world().cluster.record()!;
    const outcome = await world().restore();
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    expect(outcome.stderr).toMatch(
      /the snapshot has 2 keys at revision \d+\n.*the 2 newest revisions are lost/,
    );
    expect(outcome.stderr).toContain('it is of this cluster: etcd0 had the very same keys');
    await world().settled();
    expect(await world().keys()).toBe(ofSnapshot);
    expect(world().cluster.record()!.clusterId).not.toBe(before.clusterId);
    for (const node of world().nodes) expect(world().aside(node)).toHaveLength(1);
  });

  test('taken back, the former cluster is what it was: its ids, its members and what was written since', async () => {
    const outcome = await world().undo();
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    await world().settled();
    expect(await world().keys()).toBe(ofLater);
  });
}

/** There and back, then the same killed at every step. */
export function tellRestoreRows(version: EtcdVersion): void {
  const world = begin(version);
  const newer = etcdVersions.find((each) => minorOf(each) > minorOf(version));

  test('what is no snapshot of such an etcd, or not whole, is refused before any node hears of it', async () => {
    const { dir } = world().cluster;
    const whole = readFileSync(world().file);
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1]! ^= 1;
    const files: readonly (readonly [string, Buffer | undefined, number, RegExp])[] = [
      ['flipped.db', flipped, 1, /is no snapshot that can be used[\s\S]*bytes have changed, or are missing/],
      ['cut.db', whole.subarray(0, whole.length - 4096), 1, /is no snapshot that can be used/],
      ['empty.db', Buffer.alloc(0), 1, /is no snapshot that can be used/],
      ['text.db', Buffer.from('not a database\n'.repeat(5_000)), 1, /is no snapshot that can be used/],
      ['absent.db', undefined, 2, /there is no file [\s\S]*coordinator snapshot list/],
    ];
    const before = readFileSync(join(world().cluster.stateDir, 'bootstrap.json'), 'utf8');
    for (const [name, bytes, code, words] of files) {
      const file = join(dir, name);
      if (bytes !== undefined) writeFileSync(file, bytes);
      const outcome = await world().restoreOf(file);
      expect(outcome.code, `${name}: ${describeOutcome(outcome)}`).toBe(code);
      expect(outcome.stderr).toMatch(words);
      expect(outcome.stderr).not.toContain('Look at the nodes');
    }
    if (newer !== undefined) {
      const later = await world().restoreOf(await foreignSnapshot(newer, dir, { a: 'b' }));
      expect(later.code, describeOutcome(later)).toBe(6);
      expect(later.stderr).toContain(
        `is of a cluster of etcd ${minorOf(newer)}, and this one has ${version}`,
      );
    }
    expect(readFileSync(join(world().cluster.stateDir, 'bootstrap.json'), 'utf8')).toBe(before);
  });

  tellPlainRestore(world);

  test('the coordinator killed at every step of a restore: nothing else may begin, and --resume ends it', async () => {
    await world().killedAt(
      ['restore', world().file, '--yes', '--confirm', 'test'],
      restorePhases,
      (running) => running.kill('SIGKILL'),
    );
    await world().settled();
    expect(await world().keys()).toBe(ofSnapshot);
  });

  test('the coordinator killed at every step of an undo: --resume ends it', async () => {
    await world().killedAt(['restore', 'undo', '--yes', '--confirm', 'test'], undoPhases, (running) =>
      running.kill('SIGKILL'),
    );
    await world().settled();
    expect(await world().keys()).toBe(ofLater);
  });

  thoroughTest(
    'an agent killed at every step of a restore, and its etcd at the last: run again it goes on',
    async () => {
      let turn = 0;
      await world().killedAt(
        ['restore', world().file, '--yes', '--confirm', 'test'],
        restorePhases,
        async () => {
          const node = world().nodes[turn % world().nodes.length]!;
          turn += 1;
          await node.endAgent();
          for (const pid of turn % 2 === 0 ? node.etcdPids() : []) kill(pid, 'SIGKILL');
          await node.startAgent();
        },
      );
      await world().settled();
      expect(await world().keys()).toBe(ofSnapshot);
    },
  );

  test('a restore that was cut short is taken back; a member whose former data is damaged by then is left to its repair', async () => {
    const former = world().cluster.record()!.clusterId;
    const before = await world().keys();
    const file = world().file;
    const cut = await world().cutShort(['restore', file, '--yes', '--confirm', 'test'], 'Start etcd');
    expect(cut.signal).toBe('SIGKILL');
    const status = await world().cluster.coordinator(['status']);
    expect(status.stdout).toMatch(
      /a restore is under way on etcd0, etcd1, etcd2 .*coordinator restore --resume/,
    );
    const damaged = world().nodes[1]!;
    flipInWal(`${damaged.dataDir}.quarantine-${world().cluster.record()!.bootstrapId}`, 'bootstrap/');
    const outcome = await world().undo('--timeout', '30s');
    expect(outcome.code, describeOutcome(outcome)).toBe(3);
    expect(outcome.stderr).toMatch(/etcd1 is what it was before, and not healthy: coordinator explain etcd1/);
    expect(world().cluster.record()!.clusterId).toBe(former);
    await world().settled();
    expect(await world().keys()).toBe(before);
  });
}

function minorOf(version: EtcdVersion): string {
  return /^\d+\.\d+/.exec(version)![0];
}
