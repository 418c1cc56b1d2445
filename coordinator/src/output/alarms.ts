/** Alarms that are armed in etcd: while one is, no write is taken, though every member answers. Pure. */
import { featuresOf, memberIdFromUint64, parseEtcdVersion } from '@etcd-agent/etcd';
import type { Waiting } from '@etcd-agent/protocol';
import type { EndpointView } from '../cluster/probe-members.js';
import type { MemberRow } from './members.js';
import { table } from './table.js';

export interface AlarmRow {
  /** `NOSPACE`, `CORRUPT`, or what a later etcd calls it. */
  readonly type: string;
  /** 16 hex digits; null where nobody says whose it is. */
  readonly memberId: string | null;
  /** The member's name; null where the list has none. */
  readonly node: string | null;
}

/** As one member tells them with its status: `memberID:10276657743932975437 alarm:NOSPACE `. */
export function alarmsOf({ status }: Pick<EndpointView, 'status'>): Omit<AlarmRow, 'node'>[] {
  return (status?.errors ?? []).flatMap((text) => {
    const type = /\balarm: *(\w+)/.exec(text)?.[1];
    const id = /\bmemberID: *(\d+)/.exec(text)?.[1];
    return type === undefined ? [] : [{ type, memberId: id === undefined ? null : memberIdFromUint64(id) }];
  });
}

/** What agents write that wait for an alarm to go: of servers older than 3.4 they ask once a minute. */
const waitingRules: Readonly<Record<string, string>> = {
  noSpace: 'NOSPACE',
  corruptAlarm: 'CORRUPT',
  disarmCorrupt: 'CORRUPT',
};

/**
 * Each alarm once, by the word of all endpoints. Servers older than 3.4 do not tell them with their status, and asking takes
 * a write: there what the agents wait for tells, without the member.
 */
export function alarmRows(
  endpoints: readonly Pick<EndpointView, 'status'>[],
  waiting: readonly Waiting[],
  members: readonly Pick<MemberRow, 'id' | 'name'>[],
): AlarmRow[] {
  const told = endpoints.some(({ status }) => status !== undefined && tellsAlarms(status.version))
    ? endpoints.flatMap(alarmsOf)
    : waiting.flatMap(({ rule }) => {
        const type = waitingRules[rule];
        return type === undefined ? [] : [{ type, memberId: null }];
      });
  const rows = new Map(
    told.map(({ type, memberId }): [string, AlarmRow] => {
      const node = members.find(({ id }) => id === memberId)?.name ?? null;
      return [`${type} ${memberId}`, { type, memberId, node }];
    }),
  );
  return [...rows.values()];
}

export function alarmTable(alarms: readonly AlarmRow[]): string {
  return table(
    ['ALARM', 'MEMBER', 'NAME'],
    alarms.map(({ type, memberId, node }) => [type, memberId ?? '', node ?? '']),
  );
}

/** What to do, an alarm a line. */
export function alarmNotes(alarms: readonly AlarmRow[]): string[] {
  return [...new Set(alarms.map(({ type }) => type))].map((type) => {
    switch (type) {
      case 'NOSPACE':
        return 'next: coordinator alarm list: the way out, step by step';
      case 'CORRUPT':
        return 'next: coordinator heal status: the agents compare the keys, replace a member that differs alone, and disarm it';
      default:
        return 'next: eval "$(coordinator env)"; etcdctl alarm list';
    }
  });
}

/** The endpoint as etcdctl judges it from 3.5 on: a member that knows of an alarm is unhealthy, in these words. */
export function judgedByAlarms(view: EndpointView): EndpointView {
  const types = [...new Set(alarmsOf(view).map(({ type }) => type))];
  if (view.health.kind === 'unhealthy' || types.length === 0) return view;
  return { ...view, health: { kind: 'unhealthy', why: `Active Alarm(s): ${types.join(' ')}` } };
}

function tellsAlarms(version: string): boolean {
  const parsed = parseEtcdVersion(version);
  // They came in the same minor.
  return parsed !== undefined && featuresOf(parsed).learners;
}
