/**
 * What the healer sees with: one look after the other, and what must be remembered between them to tell how long something
 * has been so. In memory only; nothing that is decided survives on it.
 */
import { type Alarm, quorum } from '@etcd-agent/etcd';
import type { ServiceState } from '@etcd-agent/platform';
import type { MemberSpec, Position } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { allOf, credentialsIn, keptPems } from '../node-keys.js';
import { oncePerText } from '../once-per-text.js';
import type { StoredIdentity } from '../store.js';
import { type Credentials, EtcdClients } from './etcd-clients.js';
import {
  certificateFacts,
  certificatesEnd,
  dataFacts,
  endFacts,
  endOfLog,
  filesFacts,
  noEnds,
  readThrough,
  serviceFacts,
  walEnd,
  workFile,
} from './local-facts.js';
import { type Look, lookAround, type MemberHash, readAlarms, readHashes } from './look.js';
import { standingOrder } from './memory.js';
import { clusterOf, diskOf, hashesOf, meOf, ownOf, peersOf } from './picture-of.js';
import { conditions } from './plan/conditions.js';
import type { EndFacts, FilesFacts, Picture, ServiceFacts } from './plan/picture.js';
import type { HealStep } from './plan/step.js';
import type { ServedReads } from './served-reads.js';
import type { Sightings } from './sightings.js';

/** Servers older than 3.4 do not tell alarms with their status, and asking takes a write. */
const alarmsMs = 60_000;
/** While one is armed, its end must be seen soon. */
const alarmedMs = 3_000;
/** Files under /etc change when somebody changes them; an etcd that runs has read them already. */
const filesMs = 10_000;
/** Hashing reads all keys of all voters. */
const hashesMs = 5_000;
/** Reading etcd's log runs a program under systemd. */
const endsMs = 1_000;
/** The last of some ends in a row may not be in the log yet, and the next start is decided by what is. */
const lastEndMs = 200;
/** An etcd that has run this long, and answers, was started for good. */
const wellMs = 60_000;

/** What was read of certificates, keys and etcd.conf, and when. */
interface KeptFiles {
  readonly atMs: number;
  /** Generation and member id of the spec that they were compared with. */
  readonly of: string;
  readonly credentials: Credentials | undefined;
  readonly files: FilesFacts;
  readonly certificatesEnd: Date | undefined;
}

/** How to look. */
export interface LookHow {
  /** See LookOptions. */
  readonly light: boolean;
  /** Alarms and hashes too, however new the last ones are. */
  readonly anew: boolean;
}

/** Steps that may be tried again and again without a repair getting on. */
const standing: readonly HealStep['kind'][] = ['checkDisk', 'startEtcd', 'promote', 'stopEtcd'];

export class Observer {
  private readonly clients: EtcdClients;
  private startedMs: number;
  private service: { kind: string; pid: number | undefined; sinceMs: number } | undefined;
  private failedStarts = 0;
  private vainRestarts = 0;
  private disk: { position: Position | undefined; why: string; atMs: number } | undefined;
  private ends: EndFacts & { readonly atMs: number } = { ...noEnds, atMs: -endsMs };
  /** Where etcd's log ended when data was last moved aside, or a repair ended. */
  private formerEnd = '';
  /** Whether the database could be read through, once that was looked at. */
  private database: { readonly why: string | undefined } | undefined;
  private kept: KeptFiles | undefined;
  private alarms: { readonly atMs: number; readonly alarms: readonly Alarm[] } | undefined;
  private hashes: { readonly atMs: number; readonly read: readonly MemberHash[] | Error } | undefined;
  private progress = { mark: '', atMs: 0 };
  /** What somebody has said to be at on this etcd, and until when. */
  private work: { readonly what: string; readonly untilMs: number } | undefined;

  constructor(
    private readonly host: AgentHost,
    private readonly sightings: Sightings,
    private readonly served: ServedReads,
  ) {
    this.clients = new EtcdClients(host);
    this.startedMs = host.clock.monotonicMs();
  }

  /** See Healer. */
  explainSilence(work: { readonly what: string; readonly forMs: number } | undefined): void {
    this.work = work === undefined ? undefined : { what: work.what, untilMs: this.nowMs + work.forMs };
  }

  close(): void {
    this.clients.close();
    this.host.peers.close();
  }

  /** One look, and everything that is known with it. */
  async look(
    spec: MemberSpec,
    identity: StoredIdentity,
    { light, anew }: LookHow,
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
    const begun = { at: clock.now(), fromMs: clock.monotonicMs() };
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
    // After a gap this agent watches a whole window again before it begins anything.
    if (this.sightings.hasGap(nowMs)) {
      this.startedMs = nowMs;
      // Nor does what happened in the gap say that nothing moved.
      this.progress = { mark: '', atMs: nowMs };
    }
    if (anew) {
      this.alarms = undefined;
      this.hashes = undefined;
    }
    this.sightings.see(look, nowMs, begun.fromMs);
    const ownSight = look.endpoints.find(({ node }) => node === spec.node);
    this.served.see(ownSight, 'pid' in state ? state.pid : undefined, { ...begun, untilMs: nowMs });
    const service = this.noteService(state, nowMs);
    await this.readEnds(spec, service, nowMs);
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
    if (own.kind === 'answers') this.vainRestarts = 0;
    if (own.kind === 'answers' && service.kind === 'active' && service.forMs > wellMs) this.failedStarts = 0;
    // However its last runs ended: this one serves on that data.
    if (own.kind === 'answers' && own.healthy) this.ends = { ...noEnds, atMs: this.ends.atMs };
    const known =
      data.begunHere ||
      (cluster.kind === 'known' &&
        cluster.members.some(({ id, clientURLs }) => id === me.memberId && clientURLs.length > 0));
    const busy = own.kind === 'silent' ? await this.busyWith(spec) : '';
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
      data: { ...data, begun: known, busy },
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
      fencedBy: memory.fencedBy,
      order: standingOrder(memory, wallMs),
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
    }
    return serviceFacts(state, this.host.services.kind, {
      forMs,
      failedStarts: this.failedStarts,
      vainRestarts: this.vainRestarts,
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
    const kept = await keptPems(host);
    const pems = allOf(kept);
    this.kept = {
      atMs: nowMs,
      of,
      credentials: credentialsIn(kept),
      files: await filesFacts(host, spec, pems),
      certificatesEnd: certificatesEnd(pems),
    };
    return this.kept;
  }

  /** How etcd's last runs ended: its log is read while it keeps ending, once a second, and again when it has ended for good. */
  private async readEnds(
    { etcd: { dataDir } }: MemberSpec,
    { kind, upMs }: ServiceFacts,
    nowMs: number,
  ): Promise<void> {
    const ending = kind === 'restarting' || kind === 'failed';
    if (ending && nowMs - this.ends.atMs >= (kind === 'failed' ? lastEndMs : endsMs)) {
      const ends = await endFacts(this.host, this.formerEnd);
      if (ends.code === 'boltFault') this.database ??= { why: await readThrough(this.host.files, dataDir) };
      // A disk that fails is not one to come back onto, and no damage of the data.
      const failing = ends.code === 'boltFault' ? this.database?.why : undefined;
      this.ends = { ...(failing === undefined ? ends : { ...noEnds, text: failing }), atMs: nowMs };
    }
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
    if (this.alarms === undefined || nowMs - this.alarms.atMs >= (told ? alarmedMs : alarmsMs))
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

  /** What explains an etcd that does not answer: a person's word, else a file that it has while it is at work. */
  private async busyWith({ etcd: { dataDir } }: MemberSpec): Promise<string> {
    // The last part of a defragmentation, in which it reads the new file, shows in no file.
    if (this.work !== undefined && this.nowMs < this.work.untilMs) return this.work.what;
    return workFile(this.host, dataDir);
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

  /** Reads where the WAL ends, for the next pictures. */
  async checkDisk(spec: MemberSpec): Promise<void> {
    const { position, why } = await walEnd(this.host, spec.etcd.dataDir);
    this.disk = { position, why, atMs: this.nowMs };
  }

  /** etcd was started: if it does not last, the next start waits longer. */
  noteStart(): void {
    this.failedStarts += 1;
    // What was compared is not what is there when it ends.
    this.disk = undefined;
  }

  /** A step was done: whatever was still stands still no more. */
  async noteStep(kind: HealStep['kind']): Promise<void> {
    if (!standing.includes(kind)) this.progress = { mark: '', atMs: this.nowMs };
    if (kind === 'restartEtcd') this.vainRestarts += 1;
    // How etcd ended on the former data says nothing of the data that is there now.
    if (kind !== 'quarantineData' && kind !== 'finishRepair') return;
    this.formerEnd = (await endOfLog(this.host)) || this.formerEnd;
    this.ends = { ...noEnds, atMs: this.nowMs };
    this.database = undefined;
  }

  private get nowMs(): number {
    return this.host.clock.monotonicMs();
  }
}

function addressIsHere({ etcd }: MemberSpec, addresses: readonly string[]): boolean {
  return etcd.initialAdvertisePeerURLs.some((url) => {
    const address = addressIn(url);
    // A name cannot be judged here; loopback is on every host.
    if (!/^[0-9a-f.:]+$/i.test(address) || address.startsWith('127.') || address === '::1') return true;
    return addresses.includes(address);
  });
}

const addressIn = oncePerText((url) => new URL(url).hostname.replace(/^\[|\]$/g, ''));
