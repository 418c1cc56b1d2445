/** What is decided from: plain values. */
import type { Alarm, Member } from '@etcd-agent/etcd';

/** One wanted member. What only an answering one tells is absent where it does not answer. */
export interface RoomMember {
  readonly node: string;
  readonly endpoint: string;
  readonly answers: boolean;
  /** By a linearizable read. */
  readonly healthy: boolean;
  /** Why it is not healthy. */
  readonly why: string;
  readonly memberId: string | undefined;
  readonly version?: string;
  readonly leads?: boolean;
  readonly fileBytes?: number;
  /** Undefined from servers older than 3.4. */
  readonly usedBytes?: number | undefined;
  /** What it runs with; undefined where it does not tell. */
  readonly quotaBytes?: number | undefined;
  readonly appliedIndex?: string;
}

export interface RoomSight {
  readonly members: readonly RoomMember[];
  /** The member list. */
  readonly listed: readonly Member[];
  readonly alarms: readonly Alarm[];
}
