import { judgeEnds, readWalMetadata, WalTailReader } from '@etcd-agent/etcd';
import { describe, expect, it } from 'vitest';
import { ModelCluster, type ModelMember } from './etcd-cluster.js';
import { cloneDisk, corruptSilently, damages, encodeWal } from './etcd-disk.js';

describe('a simulated cluster', () => {
  it('gives back through one member what was written through another', async () => {
    const cluster = await ModelCluster.started('commits');
    const [first, second, third] = cluster.members as [ModelMember, ModelMember, ModelMember];
    await cluster.call(first.admin.put('a', '1'));
    expect(await cluster.call(second.admin.get('a'))).toEqual({ kind: 'found', value: '1' });
    expect(await cluster.call(second.admin.delete('a'))).toEqual({ deleted: 1 });
    expect(await cluster.call(third.admin.get('a'))).toEqual({ kind: 'absent' });
    const statuses = await Promise.all(cluster.members.map(({ admin }) => cluster.call(admin.status())));
    expect(new Set(statuses.map(({ leader }) => leader)).size).toBe(1);
    expect(new Set(statuses.map(({ memberId }) => memberId)).size).toBe(3);
  });

  it('runs the same from the same seed, and otherwise from another', async () => {
    const trace = async (seed: string) => {
      const cluster = await ModelCluster.started(seed);
      cluster.leader().kill();
      await cluster.wait(5_000);
      return `${cluster.clock.nowMs} ${JSON.stringify(cluster.members.map(({ disk }) => disk?.hardState))}`;
    };
    expect(await trace('one')).toBe(await trace('one'));
    expect(await trace('one')).not.toBe(await trace('another'));
  });

  it('goes on while a minority is dead, and the dead one catches up', async () => {
    const cluster = await ModelCluster.started('minority');
    const dead = cluster.leader();
    dead.kill();
    await cluster.wait(4_000);
    await cluster.call(cluster.leader().admin.put('a', '2'));
    dead.start();
    await cluster.untilReady();
    expect(await cluster.call(dead.admin.get('a'))).toEqual({ kind: 'found', value: '2' });
  });

  it('takes nothing without a quorum, but who still runs answers for itself', async () => {
    const cluster = await ModelCluster.started('no quorum');
    const [left, ...dead] = cluster.members as [ModelMember, ModelMember, ModelMember];
    for (const member of dead) member.kill();
    await cluster.wait(4_000);
    expect(await cluster.kindOf(left.admin.put('a', '3'))).toBe('deadline');
    expect(await cluster.kindOf(left.admin.linearizableRead())).toBe('deadline');
    expect(await cluster.call(left.admin.memberList({ linearizable: false }))).toHaveLength(3);
    expect((await cluster.call(left.admin.status())).leader).toBe('none');
    expect(await cluster.kindOf(dead[0]!.admin.status())).toBe('unreachable');
  });

  it('serves no client after a restart without a quorum', async () => {
    const cluster = await ModelCluster.started('restart without quorum');
    for (const member of cluster.members) member.kill();
    const [first, second] = cluster.members as [ModelMember, ModelMember];
    first.start();
    await cluster.wait(10_000);
    expect(await cluster.kindOf(first.admin.status())).toBe('unreachable');
    second.start();
    await cluster.untilReady([first, second]);
    expect(await cluster.kindOf(first.admin.status())).toBe('ok');
  });

  it('lets only the side with the quorum write when the network is cut', async () => {
    const cluster = await ModelCluster.started('partition');
    const leader = cluster.leader();
    const others = cluster.followers();
    cluster.network.partition(
      [leader.node],
      others.map(({ node }) => node),
    );
    expect(await cluster.kindOf(leader.admin.put('a', 'lost'))).toBe('deadline');
    await cluster.wait(4_000);
    expect(await cluster.kindOf(leader.admin.linearizableRead())).toBe('deadline');
    await cluster.call(others[0]!.admin.put('a', 'kept'));
    cluster.network.mendAll();
    await cluster.wait(3_000);
    expect(await cluster.call(leader.admin.get('a'))).toEqual({ kind: 'found', value: 'kept' });
    expect(cluster.lost).toEqual([]);
  });

  it('has no stale reads from a leader that was stopped while another was elected', async () => {
    const cluster = await ModelCluster.started('stopped leader');
    const leader = cluster.leader();
    await cluster.call(leader.admin.put('a', 'old'));
    leader.process!.hang(true);
    const others = cluster.followers();
    cluster.network.partition(
      [leader.node],
      others.map(({ node }) => node),
    );
    await cluster.wait(4_000);
    await cluster.call(cluster.leader().admin.put('a', 'new'));
    leader.process!.hang(false);
    // It still takes itself for the leader: nobody can tell it.
    expect((await cluster.call(leader.admin.status())).leader).toBe(leader.disk!.memberId);
    expect(await cluster.kindOf(leader.admin.get('a'))).toMatch(/deadline|noLeader/);
    cluster.network.mendAll();
    await cluster.wait(1_000);
    expect(await cluster.call(leader.admin.get('a'))).toEqual({ kind: 'found', value: 'new' });
  });

  it('locks for one, until the lock ends by itself', async () => {
    const cluster = await ModelCluster.started('lock');
    const [first, second] = cluster.members as [ModelMember, ModelMember];
    expect((await cluster.call(first.admin.lock('/l', 'a', 3))).kind).toBe('held');
    expect(await cluster.call(second.admin.lock('/l', 'b', 3))).toEqual({ kind: 'busy', owner: 'a' });
    await cluster.wait(5_000);
    const held = await cluster.call(second.admin.lock('/l', 'b', 60));
    expect(held.kind).toBe('held');
    if (held.kind === 'held') await cluster.call(held.release());
    expect((await cluster.call(first.admin.lock('/l', 'a', 3))).kind).toBe('held');
  });

  it('hands its leadership over when the leader is asked', async () => {
    const cluster = await ModelCluster.started('move');
    const [next] = cluster.followers();
    const to = (await cluster.call(next!.admin.status())).memberId;
    expect(await cluster.kindOf(next!.admin.moveLeader(to))).toBe('notLeader');
    await cluster.call(cluster.leader().admin.moveLeader(to));
    await cluster.wait(300);
    expect(cluster.leader()).toBe(next);
  });

  it('writes nothing under an alarm until that one is disarmed', async () => {
    const cluster = await ModelCluster.started('alarm');
    const [first] = cluster.members as [ModelMember];
    const { memberId } = await cluster.call(first.admin.status());
    cluster.model.raiseAlarm('NOSPACE', memberId);
    await cluster.wait(200);
    expect(await cluster.call(first.admin.alarms())).toEqual([{ memberId, type: 'NOSPACE' }]);
    expect(await cluster.kindOf(first.admin.put('a', 'b'))).toBe('alarmed');
    expect(await cluster.kindOf(first.admin.linearizableRead())).toBe('ok');
    await cluster.call(first.admin.disarm({ memberId, type: 'NOSPACE' }));
    expect(await cluster.kindOf(first.admin.put('a', 'b'))).toBe('ok');
  });

  it('shows by its hashes whose value was changed behind its back', async () => {
    const cluster = await ModelCluster.started('hashes');
    const [first, second, third] = cluster.members as [ModelMember, ModelMember, ModelMember];
    await cluster.call(first.admin.put('a', 'b'));
    await cluster.wait(200);
    const { revision } = await cluster.call(first.admin.hashKV('0'));
    const hashes = async () =>
      Promise.all([first, second, third].map(({ admin }) => cluster.call(admin.hashKV(revision))));
    expect(new Set((await hashes()).map(({ hash }) => hash)).size).toBe(1);
    corruptSilently(second.disk!, 'a', 'c');
    const [one, two, three] = await hashes();
    expect(one).toEqual(three);
    expect(two).not.toEqual(one);
    expect(await cluster.kindOf(first.admin.hashKV('99'))).toBe('futureRevision');
  });
});

describe('the WAL of a simulated disk', () => {
  it('tells production code whose it is', async () => {
    const cluster = await ModelCluster.started('wal');
    for (const { disk } of cluster.members) {
      const { memberId: nodeId, clusterId } = disk!;
      expect(readWalMetadata(encodeWal(disk!))).toEqual({ kind: 'ok', nodeId, clusterId });
    }
  });

  it('tells production code how far it has come', async () => {
    const cluster = await ModelCluster.started('wal tail');
    for (let at = 0; at < 300; at++) await cluster.call(cluster.members[at % 3]!.admin.put(`k${at}`, 'v'));
    for (const { disk } of cluster.members) {
      const { term, commit } = disk!.hardState;
      const last = disk!.log.at(-1)!;
      const reader = new WalTailReader();
      reader.feed(encodeWal(disk!));
      expect(reader.end()).toEqual({
        kind: 'position',
        torn: false,
        term: `${term}`,
        commit: `${commit}`,
        lastTerm: `${last.term}`,
        lastIndex: `${last.index}`,
      });
    }
  });
});

describe('a simulated repair', () => {
  it.each(['3.4.23', '3.5.16', '3.5.30'])('replaces a wiped member by a learner on %s', async (version) => {
    const cluster = await ModelCluster.started(`repair ${version}`, version);
    await cluster.wait(6_000);
    const wiped = cluster.followers()[0]!;
    const through = cluster.leader();
    const old = (await cluster.call(wiped.admin.status())).memberId;
    await cluster.call(through.admin.put('a', 'kept'));
    wiped.wipe();
    await cluster.wait(300);
    await cluster.call(through.admin.memberRemove(old));
    expect(await cluster.kindOf(through.admin.memberRemove(old))).toBe('notFound');
    const id = await cluster.add(through, wiped, 'learner');
    expect(await cluster.kindOf(through.admin.memberPromote(id))).toBe('notReady');
    wiped.start();
    await cluster.untilReady();
    expect(await cluster.call(wiped.admin.status())).toMatchObject({ memberId: id, isLearner: true });
    expect(await cluster.kindOf(wiped.admin.linearizableRead())).toBe('learner');
    const other = cluster.followers().find((member) => member !== wiped)!;
    await cluster.wait(300);
    expect(await cluster.kindOf(other.admin.memberPromote(id))).toBe('ok');
    expect(await cluster.call(wiped.admin.get('a'))).toEqual({ kind: 'found', value: 'kept' });
    const list = await cluster.call(wiped.admin.memberList({ linearizable: true }));
    expect(list.map(({ role, started }) => `${role} ${started}`)).toEqual(Array(3).fill('voter true'));
    expect(cluster.starts.at(-1)).toMatchObject({ emptyDisk: true, everStarted: false, behind: false });
    expect(cluster.lost).toEqual([]);
  });

  it('replaces by a voter on 3.3, which knows no learners', async () => {
    const cluster = await ModelCluster.started('3.3', '3.3.25');
    await cluster.wait(6_000);
    const wiped = cluster.followers()[0]!;
    const through = cluster.leader();
    const old = (await cluster.call(wiped.admin.status())).memberId;
    wiped.wipe();
    await cluster.wait(300);
    await cluster.call(through.admin.memberRemove(old));
    expect(await cluster.kindOf(through.admin.memberAdd(['https://x:1'], 'learner'))).toBe('other');
    await cluster.add(through, wiped, 'voter');
    wiped.start();
    await cluster.untilReady();
    await cluster.call(wiped.admin.put('a', 'b'));
  });

  it('is refused by 3.5.16 until both of two dead members are out, and by 3.5.30 not', async () => {
    for (const [version, expected] of [
      ['3.5.16', 'unhealthyCluster'],
      ['3.5.30', 'ok'],
    ] as const) {
      const cluster = await ModelCluster.started(`two dead ${version}`, version, 5);
      await cluster.wait(6_000);
      const [one, two] = cluster.followers() as [ModelMember, ModelMember];
      const through = cluster.leader();
      const ids = [];
      for (const member of [one, two]) ids.push((await cluster.call(member.admin.status())).memberId);
      one.wipe();
      two.wipe();
      await cluster.wait(500);
      await cluster.call(through.admin.memberRemove(ids[0]!));
      await cluster.wait(6_000);
      expect(await cluster.kindOf(through.admin.memberAdd(['https://x:1'], 'learner')), version).toBe(
        expected,
      );
      if (version === '3.5.30') continue;
      await cluster.call(through.admin.memberRemove(ids[1]!));
      expect(await cluster.kindOf(through.admin.memberAdd(['https://x:1'], 'learner')), version).toBe('ok');
    }
  });

  it('is refused within five seconds of a start', async () => {
    const cluster = await ModelCluster.started('early');
    expect(await cluster.kindOf(cluster.leader().admin.memberAdd(['https://x:1'], 'learner'))).toBe(
      'unhealthyCluster',
    );
    const { memberId } = await cluster.call(cluster.followers()[0]!.admin.status());
    expect(await cluster.kindOf(cluster.leader().admin.memberRemove(memberId))).toBe('unhealthyCluster');
    await cluster.wait(6_000);
    expect(await cluster.kindOf(cluster.leader().admin.memberAdd(['https://x:1'], 'learner'))).toBe('ok');
    expect(await cluster.kindOf(cluster.leader().admin.memberRemove(memberId))).toBe('ok');
  });

  it('ends the removed member with words that say so, whenever it starts again', async () => {
    const cluster = await ModelCluster.started('removed');
    await cluster.wait(6_000);
    const [gone] = cluster.followers() as [ModelMember];
    const id = (await cluster.call(gone.admin.status())).memberId;
    await cluster.call(cluster.leader().admin.memberRemove(id));
    for (let rounds = 0; rounds < 2; rounds++) {
      await cluster.wait(2_000);
      if (rounds === 0) expect(gone.ended).toMatchObject({ cause: { kind: 'exited', code: 0 } });
      // While it starts again it may also end as if that had failed.
      expect(gone.ended!.lastWords).toMatch(/the member has been permanently removed/);
      gone.start();
    }
  });

  it('takes its id from a peer that may be stale, so that a removed id can come back empty', async () => {
    const cluster = await ModelCluster.started('stale', '3.5.30', 3);
    await cluster.wait(6_000);
    // n0 is the first that is asked, and does not hear of the removal.
    const [stale, target, through] = cluster.members as [ModelMember, ModelMember, ModelMember];
    const leader = (await cluster.call(through.admin.status())).memberId;
    if (cluster.leader() !== through) await cluster.call(cluster.leader().admin.moveLeader(leader));
    const id = (await cluster.call(target.admin.status())).memberId;
    cluster.network.partition([stale.node], [through.node]);
    await cluster.call(through.admin.memberRemove(id));
    target.wipe();
    target.start();
    await cluster.wait(1_000);
    expect(cluster.starts.at(-1)).toMatchObject({ memberId: id, emptyDisk: true, everStarted: true });
  });
});

describe('what must not happen, and in the model does', () => {
  it('an emptied member under its old id panics under the same leader, and leaves a WAL behind', async () => {
    const cluster = await ModelCluster.started('panic');
    const [wiped] = cluster.followers() as [ModelMember];
    await cluster.call(cluster.leader().admin.put('a', 'b'));
    await cluster.wait(500);
    wiped.wipe();
    wiped.start();
    await cluster.wait(3_000);
    expect(wiped.ended).toMatchObject({ cause: { kind: 'exited', code: 2 } });
    expect(wiped.ended!.lastWords).toMatch(/tocommit\(\d+\) is out of range \[lastIndex\(0\)\]/);
    expect(wiped.disk).toBeDefined();
    // After a change of the leader it joins as if nothing had been.
    await cluster.call(
      cluster
        .leader()
        .admin.moveLeader((await cluster.call(cluster.followers()[0]!.admin.status())).memberId),
    );
    wiped.start();
    await cluster.untilReady();
    expect(wiped.process!.running).toBe(true);
  });

  it('an emptied member under its old id loses an acknowledged write', async () => {
    expect(await lostWrites('wipe', (member) => member.wipe())).toBeGreaterThan(0);
  });

  it('a rolled-back disk loses acknowledged writes', async () => {
    expect(
      await lostWrites('roll back', (member, disk) => {
        member.kill();
        Object.assign(member.disk!, cloneDisk(disk));
      }),
    ).toBeGreaterThan(0);
  });

  it('and a member that is only killed and started again loses none', async () => {
    expect(await lostWrites('kill', (member) => member.kill())).toBe(0);
  });

  /** In how many of some runs a write is gone that was acknowledged while one member was away and another is hurt. */
  async function lostWrites(
    seed: string,
    hurt: (member: ModelMember, before: ReturnType<typeof cloneDisk>) => void,
  ) {
    let lost = 0;
    for (let round = 0; round < 10; round++) {
      const cluster = await ModelCluster.started(`${seed} ${round}`);
      const [hurtOne, away] = cluster.followers() as [ModelMember, ModelMember];
      const leader = cluster.leader();
      const before = cloneDisk(hurtOne.disk!);
      away.kill();
      await cluster.wait(200);
      await cluster.call(leader.admin.put('a', 'acknowledged'));
      hurt(hurtOne, before);
      leader.kill();
      await cluster.wait(100);
      away.start();
      hurtOne.start();
      await cluster.wait(10_000);
      const found = await cluster.call(hurtOne.admin.get('a').catch(() => ({ kind: 'unanswered' as const })));
      if (found.kind === 'absent') {
        lost += 1;
        leader.start();
        await cluster.wait(5_000);
        expect(leader.ended?.lastWords ?? '').toMatch(/^$|conflict with committed|tocommit/);
      }
    }
    return lost;
  }

  it('a process whose files are removed goes on, and is gone with its end', async () => {
    const cluster = await ModelCluster.started('open files');
    const [victim] = cluster.followers() as [ModelMember];
    cluster.model.setDisk(victim.node, undefined);
    expect(victim.process!.hasWal()).toBe(false);
    expect(await cluster.kindOf(victim.admin.put('a', 'b'))).toBe('ok');
    victim.kill();
    expect(victim.disk).toBeUndefined();
  });

  it.each([
    ['walChecksum', 'walCrc'],
    ['snapshot', 'snap'],
    ['backend', 'bolt'],
    ['freePages', 'bolt'],
  ] as const)(
    'a disk with a damaged %s ends the start with words that are known: %s',
    async (damage, code) => {
      const cluster = await ModelCluster.started('damage');
      const [victim] = cluster.followers() as [ModelMember];
      victim.kill();
      victim.disk!.damage = damages[damage];
      victim.start();
      await cluster.wait(1_000);
      expect(codeOf(victim)).toBe(code);
    },
  );

  it('every other end has words that are known, too', async () => {
    const cluster = await ModelCluster.started('words', '3.5.30');
    await cluster.wait(6_000);
    const [one, two] = cluster.followers() as [ModelMember, ModelMember];
    const id = (await cluster.call(one.admin.status())).memberId;
    one.wipe();
    one.start();
    await cluster.wait(3_000);
    expect(codeOf(one)).toBe('tocommit');
    cluster.model.setDisk(one.node, undefined);
    one.start({ initialClusterState: 'new' });
    await cluster.wait(1_000);
    expect(codeOf(one)).toBe('alreadyBootstrapped');
    await cluster.call(cluster.leader().admin.memberRemove(id));
    one.start({ initialClusterState: 'existing' });
    await cluster.wait(1_000);
    expect(codeOf(one)).toBe('joinMismatch');
    cluster.network.silence(one.node);
    one.start();
    await cluster.wait(1_000);
    expect(codeOf(one)).toBe('peersUnreachable');
    void two.process!.stop();
    await cluster.wait(1_000);
    expect(codeOf(two)).toBe('stopped');
    two.start();
    await cluster.untilReady([two]);
    const other = (await cluster.call(two.admin.status())).memberId;
    const last = cluster.members.find((member) => member !== one && member !== two)!;
    await cluster.wait(6_000);
    await cluster.call(last.admin.memberRemove(other));
    await cluster.wait(3_000);
    expect(codeOf(two)).toBe('removed');
  });

  /** What production code makes of the end. */
  function codeOf({ ended }: ModelMember): string {
    const run = judgeEnds(ended?.lastWords ?? '').runs.at(-1);
    return run?.kind === 'known' ? run.code : `${run?.kind}: ${run?.text}`;
  }
});
