/**
 * Whether the cause of an alarm is gone. One that is disarmed before is armed again by the next write, or worse, is not armed
 * while members hold different data. Pure.
 */
import type { RoomMember } from './sight.js';

/** A file that is nearly as large as its quota is at the end of it again within minutes. */
export const fullRatio = 0.95;

/** Reasons why there is no space still, of all members: each takes all writes. None: the cause is gone. */
export function stillNoSpace(members: readonly RoomMember[]): string[] {
  return members.flatMap(({ node, why, answers, fileBytes, quotaBytes }) => {
    if (!answers || fileBytes === undefined) return [`${node} does not answer: ${why}`];
    if (quotaBytes === undefined) return [`${node} does not tell its quota`];
    const ratio = fileBytes / quotaBytes;
    return ratio < fullRatio
      ? []
      : [
          `the database file of ${node} has ${Math.round(ratio * 100)} % of its quota (${fileBytes} of ${quotaBytes} bytes)`,
        ];
  });
}

export interface MemberHash {
  readonly node: string;
  /** Undefined: it could not be asked. */
  readonly hash: number | undefined;
  readonly compactRevision: string | undefined;
  readonly why: string;
}

/** Reasons why data may differ still, by the hashes of all keys at one revision. */
export function stillCorrupt(hashes: readonly MemberHash[]): string[] {
  const silent = hashes
    .filter(({ hash }) => hash === undefined)
    .map(({ node, why }) => `${node} tells no hash of its keys: ${why}`);
  if (silent.length > 0) return silent;
  const told = new Set(hashes.map(({ hash, compactRevision }) => `${hash} ${compactRevision}`));
  const each = hashes.map(
    ({ node, hash, compactRevision }) => `${node} ${hash?.toString(16)} (compacted at ${compactRevision})`,
  );
  return told.size > 1 ? [`the hashes of the keys differ: ${each.join(', ')}`] : [];
}
