/**
 * Takes snapshots by the policy of the member spec, without a coordinator. A look every some seconds, at what healing has seen
 * anyway; a decision in plan/; a lock in etcd, so that two agents never take one at once; then the decision once more.
 */
import { EtcdError, type LockOutcome } from '@etcd-agent/etcd';
import type { MemberSpec, SnapshotPolicy, SnapshotScheduleView, StoredSnapshot } from '@etcd-agent/protocol';
import { snapshotsToPrune } from '@etcd-agent/protocol';
import type { Healer, Seen } from '../heal/healer.js';
import type { AgentHost } from '../host.js';
import { type Candidate, planSnapshot, type SnapshotDecision } from './plan/plan-snapshot.js';
import type { Snapshots } from './snapshots.js';

const rule = 'snapshot';
const lookMsMax = 10_000;
const lookMsMin = 1_000;
const looksPerPeriod = 20;
const lockKey = '/etcd-agent/lock/snapshot';
/** Of a holder that died; a snapshot of 8 GB with its trial restore takes less. */
const lockTtlSeconds = 30 * 60;

export class SnapshotSchedule {
  private closing = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private readonly startedMs: number;
  private failures = 0;
  private failedMs = 0;
  private now = 'this agent has just begun';
  private told = '';
  private last: SnapshotScheduleView['last'] = null;
  private own: StoredSnapshot | undefined;

  constructor(
    private readonly host: AgentHost,
    private readonly healer: Healer,
    private readonly snapshots: Snapshots,
  ) {
    this.startedMs = host.clock.monotonicMs();
  }

  start(): void {
    this.running = this.loop();
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  /** Of the newest verified snapshot that this agent took; null: it has none. */
  ageMs(): number | null {
    if (this.own === undefined) return null;
    return Math.max(0, this.host.clock.now().getTime() - Date.parse(this.own.at));
  }

  async view(): Promise<SnapshotScheduleView | null> {
    const policy = (await this.host.store.spec())?.snapshots;
    return policy === undefined ? null : { policy, now: this.now.slice(0, 1_000), last: this.last };
  }

  private async loop(): Promise<void> {
    const { clock, log } = this.host;
    while (!this.closing.signal.aborted) {
      let waitMs = lookMsMax;
      try {
        const spec = await this.healer.spec();
        await this.noteOwn();
        if (spec?.snapshots !== undefined) {
          waitMs = Math.min(Math.max(spec.snapshots.everyMs / looksPerPeriod, lookMsMin), lookMsMax);
          await this.round(spec, spec.snapshots);
        }
      } catch (error) {
        log.error({ err: error }, 'a round of the snapshot schedule failed');
      }
      await clock.sleep(waitMs, this.closing.signal).catch(() => {});
    }
  }

  private async round(spec: MemberSpec, policy: SnapshotPolicy): Promise<void> {
    const seen = this.healer.seen();
    if (seen === undefined) return;
    const decision = await this.decide(policy, seen);
    await this.tell(decision);
    if (decision.kind === 'wait') return;
    const lock = await this.lock(seen);
    if (lock.kind === 'busy') {
      this.now = `${lock.owner} is taking one`;
      return;
    }
    try {
      // Somebody may have finished one between our look and the lock.
      const again = await this.healer.lookNow();
      const decided = again === undefined ? undefined : await this.decide(policy, again);
      if (decided?.kind === 'take') await this.take(spec, policy, decided.why);
    } finally {
      await lock.release();
    }
  }

  private async decide(policy: SnapshotPolicy, { spec, look, picture }: Seen): Promise<SnapshotDecision> {
    const { own, cluster, journal, me } = picture;
    const leader = own.kind === 'answers' ? own.leader : 'none';
    const memberOf = (node: string) =>
      cluster.kind === 'known' ? cluster.members.find((each) => each.node === node)?.id : undefined;
    const peers = look.peers.flatMap((peer): Candidate[] =>
      peer.kind === 'silent'
        ? []
        : [
            {
              node: peer.node,
              ageMs: peer.view.snapshotAgeMs ?? null,
              leads: memberOf(peer.node) === leader,
              fit: peer.view.etcd === 'healthy' && peer.view.intent === 'none' && !peer.view.paused,
            },
          ],
    );
    return planSnapshot({
      policy,
      me: {
        node: me.node,
        ageMs: this.ageMs(),
        leads: leader === me.memberId,
        fit:
          own.kind === 'answers' &&
          own.healthy &&
          !own.isLearner &&
          journal === undefined &&
          spec.hold === undefined,
      },
      peers,
      freeBytes: await this.snapshots.freeBytes(),
      dbSizeBytes: own.kind === 'answers' ? own.dbSizeBytes : 0,
      watchedMs: this.host.clock.monotonicMs() - this.startedMs,
      failures: this.failures,
      failedAgoMs: this.host.clock.monotonicMs() - this.failedMs,
    });
  }

  /** Where etcd takes no writes, or does not let this node write: ranks alone keep agents apart then. */
  private async lock({ look, spec }: Seen): Promise<LockOutcome> {
    const free: LockOutcome = { kind: 'held', release: async () => {} };
    const admin = look.endpoints.find(({ node }) => node === spec.node)?.admin;
    if (admin === undefined) return { kind: 'busy', owner: 'nobody: etcd does not answer' };
    try {
      const taken = await admin.lock(lockKey, spec.node, lockTtlSeconds);
      // What an earlier run of this agent left is no reason to wait.
      if (taken.kind === 'busy') return taken.owner === spec.node ? free : taken;
      // It ends by itself where this fails.
      return { kind: 'held', release: () => taken.release().catch(() => {}) };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.kind === 'alarmed' || error.kind === 'permissionDenied') return free;
      return { kind: 'busy', owner: `nobody: ${error.message}` };
    }
  }

  private async take(spec: MemberSpec, policy: SnapshotPolicy, why: string): Promise<void> {
    const { clock } = this.host;
    const at = () => clock.now().toISOString();
    this.now = `taking one: ${why}`;
    await this.healer.events.record('decided', rule, `take a snapshot: ${why}`);
    try {
      const taken = await this.snapshots.takeOwn(spec);
      const { revision, keys, tookMs } = taken.verified!.content;
      const text = `${taken.name}: revision ${revision}, ${keys} keys, ${taken.bytes} bytes; a trial restore took ${tookMs} ms`;
      await this.healer.events.record('done', rule, text, { sha256: taken.sha256, revision });
      this.failures = 0;
      this.last = { at: at(), ok: true, text };
      await this.prune(policy);
    } catch (error) {
      this.failures += 1;
      this.failedMs = clock.monotonicMs();
      const text = `no snapshot: ${(error as Error).message}`.slice(0, 1_000);
      this.last = { at: at(), ok: false, text };
      await this.healer.events.record('failed', rule, text, { failures: this.failures });
    }
    await this.noteOwn();
  }

  private async prune(policy: SnapshotPolicy): Promise<void> {
    const going = snapshotsToPrune(await this.ownSnapshots(), policy, this.host.clock.now().getTime());
    if (going.length === 0) return;
    await this.snapshots.remove(going);
    const names = going.map(({ name }) => name).join(', ');
    await this.healer.events.record(
      'done',
      rule,
      `removed what newer ones have overtaken: ${names}`.slice(0, 1_000),
    );
  }

  private async noteOwn(): Promise<void> {
    this.own = (await this.ownSnapshots()).filter(({ verified }) => verified !== null).at(-1);
  }

  private async ownSnapshots(): Promise<StoredSnapshot[]> {
    const all = await (await this.snapshots.store()).list();
    return all.filter(({ origin }) => origin === 'scheduled');
  }

  /** A wait that a person should hear of is an event, once. */
  private async tell(decision: SnapshotDecision): Promise<void> {
    this.now = decision.why;
    const told = decision.kind === 'wait' && decision.notable ? decision.why.replace(/\d+/g, '#') : '';
    if (told !== '' && told !== this.told) await this.healer.events.record('waiting', rule, decision.why);
    this.told = told;
  }
}
