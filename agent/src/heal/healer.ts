/**
 * The healing loop: look, plan, carry out one step, look again. Steps that change the membership are decided a second time
 * under the cluster's lock, from a look made there; only when that comes to the very same step is it done.
 *
 * What the loop has in memory (durations, open clients) is lost with the process, and nothing depends on it.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Alarm, quorum } from '@etcd-agent/etcd';
import type { ServiceState } from '@etcd-agent/platform';
import type { MemberSpec, Position } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { clientCredentials } from '../node-keys.js';
import type { Alone } from '../one-at-a-time.js';
import type { StoredIdentity } from '../store.js';
import { effectiveSpec } from './effective-spec.js';
import { type Credentials, EtcdClients } from './etcd-clients.js';
import { type EventLog, openEvents } from './events.js';
import { type Act, executeHeal, healExecutors, lockedSteps } from './execute-heal.js';
import {
  certificateFacts,
  certificatesEnd,
  dataFacts,
  endFacts,
  filesFacts,
  serviceFacts,
  walEnd,
} from './local-facts.js';
import { type Look, lookAround, type MemberHash, readAlarms, readHashes } from './look.js';
import { underLock, votersBut } from './membership-calls.js';
import { clusterOf, diskOf, hashesOf, meOf, ownOf, peersOf } from './picture-of.js';
import { conditions } from './plan/conditions.js';
import type { EndFacts, FilesFacts, Picture, ServiceFacts } from './plan/picture.js';
import { type HealPlan, planHeal } from './plan/plan-heal.js';
import { Sightings } from './sightings.js';

/** Between two looks while all is well. Data that goes and an etcd that ends wake the loop, so this is for the rest. */
const idleMs = 3_000;
/** While something is being done, or evidence is growing. */
const busyMs = 100;
/** After a step that failed: what refused it is asked again soon, not at once. */
const failedMs = 500;
/** What was seen longer ago is looked at again before anything is done. */
const actWithinMs = 1_000;
/** Places in the log are written down at most this often. */
const positionsMs = 10_000;
/** Servers older than 3.4 do not tell alarms with their status, and asking takes a write. */
const alarmsMs = 60_000;
/** Files under /etc change when somebody changes them; an etcd that runs has read them already. */
const filesMs = 10_000;
/** Hashing reads all keys of all voters. */
const hashesMs = 5_000;
/** A reason that came and went is written down again after this long without it. */
const sayAgainMs = 60_000;
/** Reasons that are remembered for that. */
const reasonsMax = 500;
/** Reading etcd's log runs a program under systemd. */
const endsMs = 1_000;
/** An etcd that has run this long was started for good. */
const wellMs = 60_000;

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

const noEnds: EndFacts = { corruptInARow: 0, code: '', text: '' };

export interface Seen {
  readonly atMs: number;
  readonly spec: MemberSpec;
  readonly look: Look;
  readonly picture: Picture;
  readonly plan: HealPlan;
}

/** What was read of certificates, keys and etcd.conf, and when. */
interface KeptFiles {
  readonly atMs: number;
  /** Generation and member id of the spec that they were compared with. */
  readonly of: string;
  readonly credentials: Credentials | undefined;
  readonly files: FilesFacts;
  readonly certificatesEnd: Date | undefined;
}

export class Healer {
  private readonly clients: EtcdClients;
  private readonly startedMs: number;
  private readonly stop = new AbortController();
  private wakeUp = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private unsubscribe = () => {};
  private last: Seen | undefined;

  private service: { kind: string; pid: number | undefined; sinceMs: number } | undefined;
  private failedStarts = 0;
  private disk: { position: Position | undefined; why: string; atMs: number } | undefined;
  private ends: EndFacts & { readonly atMs: number } = { ...noEnds, atMs: -endsMs };
  private kept: KeptFiles | undefined;
  private alarms: { readonly atMs: number; readonly alarms: readonly Alarm[] } | undefined;
  private hashes: { readonly atMs: number; readonly read: readonly MemberHash[] | Error } | undefined;
  private progress = { mark: '', atMs: 0 };
  private positionsAtMs = 0;
  private savedPositions = '';
  /** When each reason to wait was last written down. */
  private readonly reported = new Map<string, number>();
  /** When something last moved: a step, or a reason to wait that was new. */
  private movedMs = 0;

  private constructor(
    private readonly host: AgentHost,
    private readonly identity: () => StoredIdentity | undefined,
    private readonly alone: Alone,
    readonly events: EventLog,
    readonly sightings: Sightings,
    private readonly parts: HealParts,
    private readonly onStart: () => void,
  ) {
    this.clients = new EtcdClients(host);
    this.startedMs = host.clock.monotonicMs();
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
    const sightings = new Sightings(await heal.positions());
    return new Healer(host, identity, alone, events, sightings, parts, onStart);
  }

  start(): void {
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

  get nowMs(): number {
    return this.host.clock.monotonicMs();
  }

  async close(): Promise<void> {
    this.unsubscribe();
    this.stop.abort(new Error('the agent is stopping'));
    await this.running;
    this.clients.close();
    this.host.peers.close();
  }

  /** One look, for whoever needs one that is newer than the last round's. */
  async lookNow(light = false): Promise<Seen | undefined> {
    const spec = await this.spec();
    const identity = this.identity();
    if (spec === undefined || identity === undefined) return undefined;
    const { look, picture } = await this.picture(spec, identity, light);
    return { atMs: this.nowMs, spec, look, picture, plan: this.parts.plan(picture) };
  }

  /** The member spec with the member id that holds now. */
  spec(): Promise<MemberSpec | undefined> {
    return effectiveSpec(this.host);
  }

  private async loop(): Promise<void> {
    const { clock, log } = this.host;
    await this.events.record('started', 'agent', 'this agent began to watch').catch(() => {});
    while (!this.stop.signal.aborted) {
      let waitMs = idleMs;
      this.wakeUp = new AbortController();
      try {
        waitMs = await this.round();
      } catch (error) {
        log.error({ err: error }, 'a round of healing failed');
        waitMs = failedMs;
      }
      await clock.sleep(waitMs, AbortSignal.any([this.stop.signal, this.wakeUp.signal])).catch(() => {});
    }
  }

  /** Returns how long to wait for the next one, in milliseconds. */
  private async round(): Promise<number> {
    const seen = await this.lookNow(this.last !== undefined && isQuiet(this.last));
    if (seen === undefined) return idleMs;
    this.last = seen;
    await this.remember(seen);
    await this.reportWaiting(seen.plan);
    const { decision } = seen.plan;
    // Nothing is done from a light look; the next one is none, because something is to be done.
    if (decision !== undefined && seen.look.light) return 0;
    if (decision === undefined) return this.pace(seen);
    return this.alone(() => this.carryOut(seen));
  }

  private async carryOut(seen: Seen): Promise<number> {
    const { spec, picture, look, plan } = seen;
    const decision = plan.decision!;
    const { rule, step } = decision;
    try {
      if (lockedSteps.has(step.kind) && picture.cluster.kind === 'known') {
        const voters = votersBut(look.endpoints, picture.cluster.members, picture.me.memberId);
        const locked = await underLock(voters, spec.node, async () => {
          const again = this.parts.decideAgain ? await this.lookNow() : seen;
          if (again !== undefined && isDeepStrictEqual(again.plan.decision?.step, step))
            await this.act(again);
          else this.host.log.info({ step }, 'decided otherwise under the lock');
        });
        if (locked.kind === 'busy') return failedMs;
      } else {
        // A call of the coordinator may have come between the look and this turn.
        if (this.nowMs - seen.atMs > actWithinMs) return 0;
        await this.act(seen);
      }
      return busyMs;
    } catch (error) {
      await this.events.record('failed', rule, `${step.kind}: ${(error as Error).message}`);
      return failedMs;
    }
  }

  private async act(seen: Seen): Promise<void> {
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
      checkDisk: () => this.checkDisk(spec),
      onStart: () => {
        this.failedStarts += 1;
        this.onStart();
      },
    };
    if (step.kind !== 'checkDisk')
      await this.events.record('decided', rule, `${step.kind}: ${why}`, evidence);
    await executeHeal(this.parts.executors, act);
    // How etcd ended on the former data says nothing of the data that is there now.
    if (step.kind === 'quarantineData' || step.kind === 'finishRepair')
      this.ends = { ...noEnds, atMs: this.nowMs };
    if (step.kind !== 'checkDisk') await this.events.record('done', rule, step.kind, { ...step } as never);
    this.progress = { mark: '', atMs: this.nowMs };
    this.movedMs = this.nowMs;
  }

  private async checkDisk(spec: MemberSpec): Promise<void> {
    const { position, why } = await walEnd(this.host, spec.etcd.dataDir);
    this.disk = { position, why, atMs: this.nowMs };
  }

  private async picture(
    spec: MemberSpec,
    identity: StoredIdentity,
    light: boolean,
  ): Promise<{ look: Look; picture: Picture }> {
    const { host } = this;
    const { clock, files, machine, services, store } = host;
    const [memory, stored, record, { credentials }, state] = await Promise.all([
      host.heal.read(),
      host.heal.journal(),
      store.dataDirRecord(),
      this.lookAtFiles(spec, this.nowMs),
      services.observe(),
    ]);
    // The repair of a bootstrap that was given up since is nobody's.
    const journal = stored?.bootstrapId === spec.cluster.bootstrapId ? stored : undefined;
    const ownRuns = state.kind === 'active' || state.kind === 'activating';
    const look = await lookAround(host, {
      spec,
      identity,
      credentials,
      clients: this.clients,
      locally: journal?.newId !== undefined,
      ownRuns,
      light,
    });
    const nowMs = clock.monotonicMs();
    this.sightings.see(look, nowMs);
    const service = this.noteService(state, nowMs);
    await this.readEnds(service, nowMs);
    const [data, kept, freeBytes, stateBytes, pressure] = await Promise.all([
      dataFacts(host, spec, record, memory, journal !== undefined),
      this.lookAtFiles(spec, nowMs),
      files.freeBytes(spec.etcd.dataDir).catch(() => 0),
      files.freeBytes(host.paths.stateDir).catch(() => 0),
      machine.ioPressure(),
    ]);
    const alarms = await this.readAlarms(look, nowMs);
    const cluster = clusterOf(spec, look, alarms);
    const me = meOf(spec, look, {
      addressHere: addressIsHere(spec, machine.addresses()),
      certificate: certificateFacts(kept.certificatesEnd, clock.now()),
      freeBytes,
      stateBytes,
      ioPressure: pressure.kind === 'known' ? pressure.someAvg10 : undefined,
    });
    const own = ownOf(spec, look, service);
    const wallMs = clock.now().getTime();
    const pause =
      memory.pause !== undefined && Date.parse(memory.pause.until) > wallMs ? memory.pause : undefined;
    const base: Omit<Picture, 'held'> = {
      wallMs,
      watchedMs: nowMs - this.startedMs,
      policy: spec.healing,
      pause,
      me,
      service,
      data,
      disk:
        this.disk === undefined
          ? { kind: 'notChecked' }
          : diskOf(
              { position: this.disk.position, why: this.disk.why, forMs: nowMs - this.disk.atMs },
              data.wal.kind === 'present' ? data.wal.memberId : me.memberId,
              this.sightings.positions(),
              look,
            ),
      files: kept.files,
      own,
      cluster,
      peers: peersOf(look, (node) => this.sightings.of(node, nowMs).agentForMs),
      hashes: await this.readHashes(look, cluster, nowMs),
      ends: this.ends,
      journal,
      history: memory.history.map(({ rule, startedAt, endedAt }) => ({
        rule,
        startedMs: Date.parse(startedAt),
        endedMs: Date.parse(endedAt),
      })),
      order: memory.order,
      stalledMs: 0,
    };
    const stalledMs = await this.stalled(base, spec, nowMs);
    const held = this.sightings.hold(conditions(base), nowMs);
    return { look, picture: { ...base, stalledMs, held } };
  }

  /** Durations of the service's state, and how many starts of ours did not last. */
  private noteService(state: ServiceState, nowMs: number) {
    const pid = 'pid' in state ? state.pid : undefined;
    const known = this.service;
    if (known === undefined || known.kind !== state.kind || known.pid !== pid)
      this.service = { kind: state.kind, pid, sinceMs: nowMs };
    const forMs = nowMs - this.service!.sinceMs;
    if (state.kind === 'active') {
      // The next end is compared with the disk anew.
      this.disk = undefined;
      if (forMs > wellMs) this.failedStarts = 0;
    }
    return serviceFacts(state, this.host.services.kind, {
      forMs,
      failedStarts: this.failedStarts,
      wallMs: this.host.clock.now().getTime(),
    });
  }

  /** Certificates, keys and etcd.conf: read seldom while they are as they should be. */
  private async lookAtFiles(spec: MemberSpec, nowMs: number): Promise<KeptFiles> {
    const known = this.kept;
    const of = `${spec.generation} ${spec.memberId}`;
    const due = known === undefined || known.of !== of || nowMs - known.atMs >= filesMs;
    if (!due && known.files.kind === 'intact') return known;
    const { host } = this;
    const [credentials, files, end] = await Promise.all([
      clientCredentials(host),
      filesFacts(host, spec),
      certificatesEnd(host),
    ]);
    this.kept = { atMs: nowMs, of, credentials, files, certificatesEnd: end };
    return this.kept;
  }

  /** How etcd's last runs ended: its log is read while it keeps ending, once a second. */
  private async readEnds({ kind, upMs }: ServiceFacts, nowMs: number): Promise<void> {
    const ending = kind === 'restarting' || kind === 'failed';
    if (ending && nowMs - this.ends.atMs >= endsMs)
      this.ends = { ...(await endFacts(this.host)), atMs: nowMs };
    if (kind === 'active' && upMs > wellMs) this.ends = { ...noEnds, atMs: this.ends.atMs };
  }

  private async readAlarms({ endpoints }: Look, nowMs: number): Promise<readonly Alarm[]> {
    const told = endpoints.some(
      ({ status }) => status?.errors.some((text) => text.includes('alarm:')) === true,
    );
    const old = endpoints.some(({ status }) => status !== undefined && /^3\.[0-3]\./.test(status.version));
    if (!told && !old) {
      this.alarms = undefined;
      return [];
    }
    if (this.alarms === undefined || nowMs - this.alarms.atMs >= (told ? idleMs : alarmsMs))
      this.alarms = { atMs: nowMs, alarms: await readAlarms(endpoints) };
    return this.alarms.alarms;
  }

  private async readHashes(look: Look, cluster: Picture['cluster'], nowMs: number) {
    if (cluster.kind === 'unknown' || !cluster.alarms.some(({ type }) => type === 'CORRUPT')) {
      this.hashes = undefined;
      return hashesOf(undefined, 0);
    }
    const voters = cluster.members.filter(({ role }) => role === 'voter').map(({ id }) => id);
    if (this.hashes === undefined || nowMs - this.hashes.atMs >= hashesMs)
      this.hashes = { atMs: nowMs, read: await readHashes(look.endpoints, voters) };
    return hashesOf(this.hashes.read, quorum(voters.length));
  }

  /** How long nothing has moved in the repair under way. */
  private async stalled(picture: Omit<Picture, 'held'>, spec: MemberSpec, nowMs: number): Promise<number> {
    const { journal, own } = picture;
    if (journal === undefined) return 0;
    // A snapshot that is being received shows only in the size of the data dir.
    const bytes = journal.joining ? await this.host.files.usedBytes(spec.etcd.dataDir).catch(() => 0) : 0;
    const applied = own.kind === 'answers' ? own.appliedIndex : '';
    const mark = `${journal.stage} ${journal.newId ?? ''} ${applied} ${bytes}`;
    if (mark !== this.progress.mark) this.progress = { mark, atMs: nowMs };
    return nowMs - this.progress.atMs;
  }

  /** Writes down what later decisions rest on. */
  private async remember({ spec, picture }: Seen): Promise<void> {
    const { data, me } = picture;
    const { dataDir } = spec.etcd;
    const memory = await this.host.heal.read();
    const ours = data.wal.kind === 'present' && data.wal.clusterId === me.clusterId;
    if (ours && data.fileSystem !== 'same' && memory.fileSystem?.dataDir !== dataDir) {
      const { id } = await this.host.machine.fileSystemOf(dataDir);
      await this.host.heal.change((before) => ({ ...before, fileSystem: { dataDir, id } }));
    }
    if (this.nowMs - this.positionsAtMs < positionsMs) return;
    this.positionsAtMs = this.nowMs;
    const positions = this.sightings.positions();
    const text = JSON.stringify(positions);
    if (text !== this.savedPositions) await this.host.heal.keepPositions(positions);
    this.savedPositions = text;
  }

  /** An event for each reason to wait, once in a while; numbers that only grow make no new one. */
  private async reportWaiting({ waiting }: HealPlan): Promise<void> {
    for (const { rule, reason, evidence } of waiting) {
      const key = `${rule} ${reason.replace(/[0-9a-f]{16}|\d+(\.\d+)?/g, '#')}`;
      const { nowMs } = this;
      const before = this.reported.get(key);
      this.reported.set(key, nowMs);
      if (before !== undefined && nowMs - before < sayAgainMs) continue;
      this.movedMs = nowMs;
      await this.events.record('waiting', rule, reason, evidence);
    }
    if (this.reported.size > reasonsMax) this.reported.clear();
  }

  /** Often while things move, seldom while they stand still. */
  private pace(seen: Seen): number {
    if (isQuiet(seen)) return idleMs;
    const stillMs = this.nowMs - this.movedMs;
    return stillMs < 10_000 ? busyMs : stillMs < 60_000 ? failedMs : idleMs;
  }
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

function addressIsHere({ etcd }: MemberSpec, addresses: readonly string[]): boolean {
  return etcd.initialAdvertisePeerURLs.some((url) => {
    const { hostname } = new URL(url);
    const address = hostname.replace(/^\[|\]$/g, '');
    // A name cannot be judged here; loopback is on every host.
    if (!/^[0-9a-f.:]+$/i.test(address) || address.startsWith('127.') || address === '::1') return true;
    return addresses.includes(address);
  });
}
