/**
 * The healing loop: look, plan, carry out one step, look again. Steps that change the membership are decided a second time
 * under the cluster's lock, from a look made there; only when that comes to the very same step is it done.
 *
 * What the loop has in memory (durations, open clients) is lost with the process, and nothing depends on it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Evidence, MemberSpec } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import type { Alone } from '../one-at-a-time.js';
import type { StoredIdentity } from '../store.js';
import { effectiveSpec } from './effective-spec.js';
import { type EventLog, openEvents } from './events.js';
import { type Act, executeHeal, healExecutors, lockedSteps } from './execute-heal.js';
import type { Look } from './look.js';
import { underLock, votersBut } from './membership-calls.js';
import { standingOrder } from './memory.js';
import { type LookHow, Observer } from './observer.js';
import { guardTurn } from './plan/guards.js';
import type { Picture } from './plan/picture.js';
import { type HealPlan, planHeal } from './plan/plan-heal.js';
import type { HealStep } from './plan/step.js';
import { ServedReads } from './served-reads.js';
import { Sightings } from './sightings.js';
import { Told } from './told.js';

/** Between two looks while all is well. Data that goes and an etcd that ends wake the loop, so this is for the rest. */
const idleMs = 5_000;
/** While something is being done, or evidence is growing. */
const busyMs = 100;
/** After a step that failed: what refused it is asked again soon, not at once. */
const failedMs = 500;
/** One that fails again and again is tried less and less often. */
const failedMsMax = 5_000;
/** What was seen longer ago is looked at again before anything is done; a look waits two seconds for whoever is silent. */
const actWithinMs = 4_500;
/** Places in the log are written down at most this often. */
const positionsMs = 10_000;
/** While no entry is added, only the moment of the last read gets old. */
const savedMsMax = 60_000;

/** Parts that a test may replace, to show that a fault in them is found. */
export interface HealParts {
  readonly plan: (picture: Picture) => HealPlan;
  readonly executors: typeof healExecutors;
  /** A membership step is decided again, from a new look, under the lock. */
  readonly decideAgain: boolean;
}
export const healParts: HealParts = {
  plan: (picture) => planHeal(picture),
  executors: healExecutors,
  decideAgain: true,
};

export interface Seen {
  /** When the look began. */
  readonly atMs: number;
  /** Of what is remembered: a pause, an order or another step since makes it old. */
  readonly version: number;
  readonly spec: MemberSpec;
  readonly look: Look;
  readonly picture: Picture;
  readonly plan: HealPlan;
}

export class Healer {
  readonly sightings: Sightings;
  readonly served: ServedReads;
  private readonly observer: Observer;
  private readonly told: Told;
  private closing = false;
  private wakeUp = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private unsubscribe = () => {};
  private last: Seen | undefined;

  private roundMs = 0;
  private positionsAtMs = 0;
  private savedPositions = '';
  private savedAtMs = 0;
  /** When something last moved: a step, or a reason to wait that was new. */
  private movedMs = 0;
  /** The step that was carried out last. */
  private lastDone: HealStep | undefined;

  private constructor(
    private readonly host: AgentHost,
    private readonly identity: () => StoredIdentity | undefined,
    private readonly alone: Alone,
    readonly events: EventLog,
    { sightings, served }: Pick<Healer, 'sightings' | 'served'>,
    private readonly parts: HealParts,
    private readonly onStart: () => void,
  ) {
    this.sightings = sightings;
    this.served = served;
    this.observer = new Observer(host, sightings, served);
    this.told = new Told(events, () => this.nowMs);
  }

  static async open(
    host: AgentHost,
    identity: () => StoredIdentity | undefined,
    alone: Alone,
    onStart: () => void,
    parts: HealParts = healParts,
  ): Promise<Healer> {
    const { files, clock, log, paths, heal } = host;
    await heal.read();
    const events = await openEvents({ files, clock, log, path: paths.events });
    const { members, served } = await heal.remembered();
    const seen = { sightings: new Sightings(members), served: new ServedReads(served) };
    return new Healer(host, identity, alone, events, seen, parts, onStart);
  }

  start(): void {
    this.roundMs = this.nowMs;
    this.unsubscribe = this.host.services.onChange(() => this.wake());
    this.running = this.loop();
  }

  /** Looks again at once. */
  wake(): void {
    this.wakeUp.abort();
  }

  /** What the last round saw and decided. */
  seen(): Seen | undefined {
    return this.last;
  }

  /** When the last round began. */
  get turnedMs(): number {
    return this.roundMs;
  }

  get nowMs(): number {
    return this.host.clock.monotonicMs();
  }

  async close(): Promise<void> {
    this.unsubscribe();
    this.closing = true;
    this.wake();
    await this.running;
    this.observer.close();
  }

  /** One look, for whoever needs one that is newer than the last round's. */
  async lookNow(how: LookHow = { light: false, anew: false }): Promise<Seen | undefined> {
    const spec = await this.spec();
    const identity = this.identity();
    if (spec === undefined || identity === undefined) return undefined;
    const [atMs, version] = [this.nowMs, this.host.heal.version];
    const { look, picture } = await this.observer.look(spec, identity, how);
    return { atMs, version, spec, look, picture, plan: this.parts.plan(picture) };
  }

  /** Why etcd must not be started on its data now: its disk is an older one. Undefined: nothing is known against it. */
  async objectionToStart(): Promise<string | undefined> {
    const spec = await this.spec();
    if (spec === undefined) return undefined;
    await this.observer.checkDisk(spec);
    const disk = (await this.lookNow())?.picture.disk;
    return disk?.kind === 'checked' && disk.behind
      ? `${disk.why}, and ${disk.remembered?.by ?? 'an agent'} remembers more of it`
      : undefined;
  }

  /** A person is at work on etcd, which need not answer meanwhile; undefined: not any more. */
  explainSilence(work: { readonly what: string; readonly forMs: number } | undefined): void {
    this.observer.explainSilence(work);
  }

  /** The member spec with the member id that holds now. */
  spec(): Promise<MemberSpec | undefined> {
    return effectiveSpec(this.host);
  }

  private async loop(): Promise<void> {
    const { clock, log } = this.host;
    await this.events.record('started', 'agent', 'this agent began to watch').catch(() => {});
    while (!this.closing) {
      let waitMs = idleMs;
      this.roundMs = this.nowMs;
      if (this.wakeUp.signal.aborted) this.wakeUp = new AbortController();
      try {
        waitMs = await this.round();
      } catch (error) {
        log.error({ err: error }, 'a round of healing failed');
        waitMs = failedMs;
      }
      await clock.sleep(waitMs, this.wakeUp.signal).catch(() => {});
    }
  }

  /** Returns how long to wait for the next one, in milliseconds. */
  private async round(): Promise<number> {
    const seen = await this.lookNow({ light: this.last !== undefined && isQuiet(this.last), anew: false });
    if (seen === undefined) return idleMs;
    this.last = seen;
    // Nothing is done or said from a light look that saw something: the next one is a whole one.
    if (seen.look.light && !isQuiet(seen)) return 0;
    await this.remember(seen);
    await this.reportWaiting(seen.plan);
    const { decision } = seen.plan;
    if (decision === undefined) return this.pace(seen);
    return this.alone(() => this.carryOut(seen));
  }

  private async carryOut(seen: Seen): Promise<number> {
    const { spec, picture, look, plan } = seen;
    const decision = plan.decision!;
    const { rule, step } = decision;
    let waitMs = busyMs;
    try {
      if (lockedSteps.has(step.kind) && picture.cluster.kind === 'known') {
        const voters = votersBut(look.endpoints, picture.cluster.members, picture.me.memberId);
        const locked = await underLock(voters, spec.node, async (held) => {
          const again = this.parts.decideAgain ? await this.lookNow({ light: false, anew: true }) : seen;
          const same = isDeepStrictEqual(again?.plan.decision?.step, step);
          if (again === undefined || !same || (await this.isOld(again))) {
            this.host.log.info({ step }, 'decided otherwise under the lock');
            return;
          }
          const turn = guardTurn(again.picture);
          if (!held && step.kind === 'stopVoter' && !turn.ok) {
            await this.reportWaiting({ waiting: [{ rule, reason: turn.reason }] });
            waitMs = failedMs;
            return;
          }
          waitMs = await this.act(again);
        });
        if (locked.kind === 'busy') {
          const reason = `${step.kind} waits for the lock, which ${locked.owner} holds for ten seconds at most`;
          await this.reportWaiting({ waiting: [{ rule, reason }] });
          return failedMs;
        }
      } else {
        if (await this.isOld(seen)) return 0;
        waitMs = await this.act(seen);
      }
      this.told.succeeded();
      return waitMs;
    } catch (error) {
      const times = await this.told.failed(step, rule, `${step.kind}: ${(error as Error).message}`);
      return Math.min(failedMs * 1.5 ** times, failedMsMax);
    }
  }

  /** The world may be another by now, or a call of the coordinator came between the look and this turn. */
  private async isOld({ atMs, version, spec }: Seen): Promise<boolean> {
    const told = await this.host.store.spec();
    return (
      this.nowMs - atMs > actWithinMs ||
      version !== this.host.heal.version ||
      told?.generation !== spec.generation
    );
  }

  /** Returns how long to wait for the next look: what was done is seen at once, unless it was just done and did not show. */
  private async act(seen: Seen): Promise<number> {
    const { spec, look, picture, plan } = seen;
    const decision = plan.decision!;
    const { rule, step, why, evidence } = decision;
    const act: Act = {
      host: this.host,
      heal: this.host.heal,
      events: this.events,
      spec,
      look,
      picture,
      decision,
      checkDisk: () => this.observer.checkDisk(spec),
      onStart: () => {
        this.observer.noteStart();
        this.onStart();
      },
      stillFresh: () => {
        const ageMs = Math.round(this.nowMs - seen.atMs);
        if (ageMs > actWithinMs) throw new Error(`what it was decided from is ${ageMs} ms old`);
      },
    };
    // One that goes on failing in the same way is said once in a while.
    if (step.kind !== 'checkDisk' && !this.told.saysFailing(step))
      await this.events.record('decided', rule, `${step.kind}: ${why}`, evidence);
    await executeHeal(this.parts.executors, act);
    if (step.kind !== 'checkDisk') await this.events.record('done', rule, step.kind, scalarsOf(step));
    await this.observer.noteStep(step.kind);
    this.movedMs = this.nowMs;
    const isNew = !isDeepStrictEqual(this.lastDone, step);
    this.lastDone = step;
    return isNew ? 0 : busyMs;
  }

  /** Writes down what later decisions rest on. */
  private async remember({ spec, picture }: Seen): Promise<void> {
    const { data, me } = picture;
    const { dataDir } = spec.etcd;
    const memory = await this.host.heal.read();
    const ours = data.wal.kind === 'present' && data.wal.clusterId === me.clusterId;
    const serves = picture.own.kind === 'answers' && picture.own.memberId === me.memberId;
    if (ours && data.fileSystem !== 'same' && (memory.fileSystem?.dataDir !== dataDir || serves)) {
      const { id } = await this.host.machine.fileSystemOf(dataDir);
      await this.host.heal.change((before) => ({ ...before, fileSystem: { dataDir, id } }));
    }
    // By what is remembered now: the picture may be of a moment before it was asked for.
    if (memory.order !== undefined && standingOrder(memory, this.host.clock.now().getTime()) === undefined) {
      const { by, at } = memory.order;
      await this.host.heal.change(({ order, ...before }) =>
        order === undefined || order.at === at ? before : { ...before, order },
      );
      await this.events.record(
        'operator',
        'replaceMember',
        `what ${by} asked for at ${at} is void: it could not begin`,
      );
    }
    if (this.nowMs - this.positionsAtMs < positionsMs) return;
    this.positionsAtMs = this.nowMs;
    const members = [...this.sightings.positions()];
    const served = this.served.last();
    const text = JSON.stringify([members, served?.index]);
    const isOld = this.nowMs - this.savedAtMs > savedMsMax;
    if (text === this.savedPositions && !isOld) return;
    await this.host.heal.keepRemembered(served === undefined ? { members } : { members, served });
    this.savedPositions = text;
    this.savedAtMs = this.nowMs;
  }

  private async reportWaiting(plan: Pick<HealPlan, 'waiting'>): Promise<void> {
    if (await this.told.waiting(plan)) this.movedMs = this.nowMs;
  }

  /** Often while things move, seldom while they stand still. */
  private pace(seen: Seen): number {
    if (isQuiet(seen)) return idleMs;
    const stillMs = this.nowMs - this.movedMs;
    return stillMs < 3_000 ? busyMs : stillMs < 60_000 ? failedMs : idleMs;
  }
}

/** A step's own names and numbers, as evidence. */
function scalarsOf(step: HealStep): Evidence {
  return Object.fromEntries(
    Object.entries(step).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}

/** Nothing is under way that a look soon would see move. */
function isQuiet({ picture, plan }: Seen): boolean {
  const { service, journal, own, held } = picture;
  return (
    journal === undefined &&
    plan.decision === undefined &&
    plan.intent === 'none' &&
    service.kind === 'active' &&
    own.kind === 'answers' &&
    own.healthy &&
    held.dataGone === undefined
  );
}
