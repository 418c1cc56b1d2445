/** How room is shown: sizes against quotas, and alarms with what to do about them, in order. */
import type { Alarm } from '@etcd-agent/etcd';
import { fullRatio } from '../room/plan/disarm-rules.js';
import type { RoomMember, RoomSight } from '../room/plan/sight.js';
import { sizeText } from './sizes.js';
import { table } from './table.js';

/** etcd's authors advise no more. */
const warnRatio = 0.8;
/** Of the file; what is above it are gaps worth a defragmentation. */
const gapRatio = 0.5;
const gapBytesMin = 100 * 1024 * 1024;

export function roomRows(members: readonly RoomMember[]) {
  return members.map(({ node, fileBytes, usedBytes, quotaBytes, leads, why, answers }) => ({
    node,
    fileBytes: fileBytes ?? null,
    usedBytes: usedBytes ?? null,
    quotaBytes: quotaBytes ?? null,
    leads: leads === true,
    ...(answers ? {} : { why }),
  }));
}

export function roomTable(members: readonly RoomMember[]): string {
  return table(
    ['NODE', 'FILE', 'IN USE', 'QUOTA', 'FULL', 'LEADER'],
    members.map(({ node, fileBytes, usedBytes, quotaBytes, leads }) => [
      node,
      size(fileBytes),
      size(usedBytes),
      size(quotaBytes),
      fileBytes === undefined || quotaBytes === undefined
        ? ''
        : `${Math.round((fileBytes / quotaBytes) * 100)} %`,
      leads === true ? 'yes' : '',
    ]),
  );
}

/** What there is to do about the room, the first thing first. */
export function roomNotes({ members, alarms }: RoomSight): string[] {
  const silent = members.filter(({ answers }) => !answers);
  const full = members.some((member) => ratioOf(member) >= fullRatio);
  const nearly = members.some((member) => ratioOf(member) >= warnRatio);
  const hasGaps = members.some(
    ({ fileBytes = 0, usedBytes = fileBytes }) =>
      fileBytes - usedBytes > Math.max(gapBytesMin, fileBytes * (1 - gapRatio)),
  );
  return [
    ...silent.map(({ node, why }) => `${node} does not answer: ${why}`),
    ...(alarms.length > 0 ? ['an alarm is armed: coordinator alarm list'] : []),
    ...(full || nearly
      ? [
          'next: coordinator compact, then coordinator defrag; where all of it is needed: coordinator quota set SIZE',
        ]
      : []),
    ...(hasGaps && !full && !nearly ? ['next: coordinator defrag gives the gaps back to the disk'] : []),
  ];
}

export interface AlarmLine {
  readonly type: string;
  readonly memberId: string;
  readonly node: string | null;
}

export function alarmLines(alarms: readonly Alarm[], members: readonly RoomMember[]): AlarmLine[] {
  return alarms.map(({ type, memberId }) => ({
    type,
    memberId,
    node: members.find((member) => member.memberId === memberId)?.node ?? null,
  }));
}

export function alarmLineTable(lines: readonly AlarmLine[]): string {
  return table(
    ['ALARM', 'MEMBER', 'NODE'],
    lines.map(({ type, memberId, node }) => [type, memberId, node ?? '']),
  );
}

/** The way out of NOSPACE, each command once the one before it is done. */
export const noSpaceWay = [
  'etcd takes no writes but deletions. The way out, in this order:',
  '  1. coordinator data list           what fills it; coordinator data delete PREFIX where that may go',
  '  2. coordinator compact             the history of all keys goes',
  '  3. coordinator defrag              each file becomes as small as what is in it, one member at a time',
  '  4. coordinator alarm disarm NOSPACE   refused while a file is as large as its quota; ends with a write',
  'Where all of it is needed: coordinator quota set SIZE, then 4.',
];

export const corruptWay = [
  'Members may hold different data, and etcd takes no writes. The agents compare the keys, replace a member that differs alone,',
  'and disarm it: coordinator heal status; coordinator events --follow',
];

export function size(bytes: number | undefined): string {
  return bytes === undefined ? '' : sizeText(bytes);
}

function ratioOf({ fileBytes, quotaBytes }: RoomMember): number {
  return fileBytes === undefined || quotaBytes === undefined ? 0 : fileBytes / quotaBytes;
}
