/**
 * Where the simulated etcds of one run find each other: disks by host, processes by URL, and what all that has happened
 * says about a process that starts or an entry that is committed.
 */
import type { ClusterId, MemberId } from '@etcd-agent/etcd';
import type { SimChance } from './chance.js';
import type { SimClock } from './clock.js';
import { type EtcdDisk, type LogEntry, lastOf } from './etcd-disk.js';
import type { EtcdModelOptions, EtcdObserver } from './etcd-model.js';
import type { SimEtcd } from './etcd-process.js';
import { rulesOf, type VersionRules } from './etcd-rules.js';
import type { SimNetwork } from './network.js';

/** How often connections between members are looked at, and after how long of silence one is given up. */
const linkLookMs = 200;
const linkSilenceMs = 5_000;

export class EtcdWorld {
  readonly clock: SimClock;
  readonly chance: SimChance;
  readonly network: SimNetwork;
  readonly rules: VersionRules;
  readonly observer: EtcdObserver | undefined;
  readonly hostOf: (url: string) => string;
  readonly #disks = new Map<string, EtcdDisk>();
  readonly #processes = new Set<SimEtcd>();
  /** The same, by each of their peer URLs. */
  readonly #byPeerURL = new Map<string, Set<SimEtcd>>();
  /** What was on the disk of each id when its last process ended. */
  readonly #seen = new Map<
    string,
    { readonly hardTerm: number; readonly term: number; readonly index: number }
  >();
  readonly #committed = new Map<ClusterId, LogEntry[]>();
  #requests = 0;
  #looking = false;

  constructor(options: EtcdModelOptions) {
    this.clock = options.clock;
    this.chance = options.chance.stream('etcd');
    this.network = options.network;
    this.rules = rulesOf(options.version);
    this.observer = options.observer;
    this.hostOf = options.hostOf ?? ((url) => new URL(url).hostname);
  }

  diskOf(node: string): EtcdDisk | undefined {
    return this.#disks.get(node);
  }

  setDisk(node: string, disk: EtcdDisk | undefined): void {
    if (disk === undefined) this.#disks.delete(node);
    else this.#disks.set(node, disk);
  }

  processes(): readonly SimEtcd[] {
    return [...this.#processes];
  }

  add(process: SimEtcd): void {
    this.#processes.add(process);
    for (const url of process.conf.initialAdvertisePeerURLs) {
      const there = this.#byPeerURL.get(url) ?? new Set();
      this.#byPeerURL.set(url, there.add(process));
    }
    if (this.#looking) return;
    this.#looking = true;
    this.clock.quietlyAfter(linkLookMs, () => this.#lookAtLinks());
  }

  ended(process: SimEtcd): void {
    this.#processes.delete(process);
    for (const url of process.conf.initialAdvertisePeerURLs) this.#byPeerURL.get(url)?.delete(process);
    if (process.disk !== undefined) this.#remember(process.disk);
  }

  newRequest(): string {
    this.#requests += 1;
    return `request-${this.#requests}`;
  }

  /** The process whose peer port is open at that URL. */
  atPeerURL(url: string): SimEtcd | undefined {
    for (const process of this.#byPeerURL.get(url) ?? []) if (process.raft !== undefined) return process;
    return undefined;
  }

  /** The process that listens, or will, for clients at that URL. */
  atClientURL(url: string): SimEtcd | undefined {
    for (const process of this.#processes) {
      if (process.conf.advertiseClientURLs.includes(url)) return process;
    }
    return undefined;
  }

  /** Where `asker` finds the member with that id; nowhere when somebody else answers at its URL. */
  memberProcess(asker: SimEtcd, id: MemberId): SimEtcd | undefined {
    const row = asker.members.find((each) => each.id === id);
    const url = row?.peerURLs[0];
    if (url !== undefined) {
      const found = this.atPeerURL(url);
      return found !== undefined && this.#isMember(found, asker, id) ? found : undefined;
    }
    // Somebody whom it has not heard of yet, but who has sent it something.
    for (const process of this.#processes) {
      if (process.raft !== undefined && this.#isMember(process, asker, id)) return process;
    }
    return undefined;
  }

  /** A process knows who it is, and has not done anything yet. */
  starting(process: SimEtcd, disk: EtcdDisk, emptyDisk: boolean): void {
    const key = `${disk.clusterId} ${disk.memberId}`;
    const seen = this.#seen.get(key);
    const last = lastOf(disk);
    const behind =
      seen !== undefined &&
      (disk.hardState.term < seen.hardTerm ||
        last.term < seen.term ||
        (last.term === seen.term && last.index < seen.index));
    const runsAlready = this.processes().some(
      (other) => other !== process && other.running && other.disk !== undefined && keyOf(other.disk) === key,
    );
    const { node } = process;
    const { memberId } = disk;
    this.observer?.started?.({
      node,
      memberId,
      emptyDisk,
      everStarted: seen !== undefined,
      behind,
      runsAlready,
    });
    this.#remember(disk);
  }

  committed(clusterId: ClusterId, entry: LogEntry): void {
    let log = this.#committed.get(clusterId);
    if (log === undefined) {
      log = [];
      this.#committed.set(clusterId, log);
    }
    const before = log[entry.index];
    log[entry.index] = entry;
    if (before === undefined) this.observer?.committed?.(entry, undefined, clusterId);
    else if (before.term !== entry.term) this.observer?.committed?.(entry, before, clusterId);
  }

  #remember(disk: EtcdDisk): void {
    const { term, index } = lastOf(disk);
    this.#seen.set(keyOf(disk), { hardTerm: disk.hardState.term, term, index });
  }

  #isMember(process: SimEtcd, asker: SimEtcd, id: MemberId): boolean {
    return process.disk?.memberId === id && process.disk.clusterId === asker.disk?.clusterId;
  }

  #lookAtLinks(): void {
    for (const process of this.processes()) if (process.active) this.#lookAtLinksOf(process);
    this.#looking = this.#processes.size > 0;
    if (this.#looking) this.clock.quietlyAfter(linkLookMs, () => this.#lookAtLinks());
  }

  #lookAtLinksOf(process: SimEtcd): void {
    const { nowMs } = this.clock;
    const own = process.disk!.memberId;
    for (const { id } of process.members) {
      if (id === own) continue;
      const other = this.memberProcess(process, id);
      const reached = other !== undefined && this.network.reachBothWays(process.node, other.node);
      const link = process.links.get(id);
      if (reached && other.active) {
        if (other.disk!.applied.removed.includes(own)) {
          process.learnRemoved();
          return;
        }
        if (link === undefined) process.links.set(id, { sinceMs: nowMs, lastMs: nowMs });
        else link.lastMs = nowMs;
      } else if (link !== undefined) {
        // A process that has ended resets its connections; one that is silent is waited for.
        if (other === undefined || nowMs - link.lastMs > linkSilenceMs) process.links.delete(id);
      }
    }
  }
}

function keyOf({ clusterId, memberId }: EtcdDisk): string {
  return `${clusterId} ${memberId}`;
}
