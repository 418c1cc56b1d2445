/**
 * Until when everything that the cluster acknowledged is known to be in this node's own data. A linearizable read that goes
 * through a member waits until that member has applied all that was acknowledged before the read began: so of the last one
 * that went through is kept when it began, and a place in the log that the member had reached by then.
 *
 * The place is told by the next look, and counts once a third look finds that it was the same process all the while: one that is
 * started anew may have forgotten how far it had come.
 */
import type { EndpointSight } from './look.js';

export interface Served {
  readonly memberId: string;
  /** When the read began, by this node's clock. */
  readonly at: string;
  /** All that was acknowledged before is among the entries up to this one. */
  readonly index: string;
}

/** When one look at the cluster began and ended. */
export interface LookTimes {
  readonly at: Date;
  readonly fromMs: number;
  readonly untilMs: number;
}

interface Read {
  readonly memberId: string;
  readonly at: string;
  readonly pid: number;
  readonly untilMs: number;
}

export class ServedReads {
  private read: Read | undefined;
  private placed: (Read & { readonly index: string }) | undefined;

  constructor(private known: Served | undefined) {}

  /** `pid` is that of this node's etcd when the look began; undefined where it does not run. */
  see(own: EndpointSight | undefined, pid: number | undefined, { at, fromMs, untilMs }: LookTimes): void {
    if (pid === undefined || this.placed?.pid !== pid) this.placed = undefined;
    // Looks may overlap: what one tells is of after the read only where it began after that had ended.
    if (this.placed !== undefined && fromMs >= this.placed.untilMs) {
      this.known = { memberId: this.placed.memberId, at: this.placed.at, index: this.placed.index };
      this.placed = undefined;
    }
    const status = own?.status;
    if (status === undefined || pid === undefined) return;
    const { memberId, raftAppliedIndex, raftIndex } = status;
    if (this.read?.memberId === memberId && fromMs >= this.read.untilMs) {
      const index = raftAppliedIndex === '0' ? raftIndex : raftAppliedIndex;
      this.placed = { ...this.read, index, untilMs };
    }
    if (own?.list !== undefined) this.read = { memberId, at: at.toISOString(), pid, untilMs };
  }

  last(): Served | undefined {
    return this.known;
  }
}
