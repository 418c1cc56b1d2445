/** What speaks against defragmenting a member, beyond what speaks against taking it out of service. Pure. */
import { isAtLeast, parseEtcdVersion } from '@etcd-agent/etcd';
import type { RoomMember } from './sight.js';

/**
 * etcd 3.5.0 to 3.5.5 that dies while it defragments carries out entries twice afterwards, so that its revision is another than
 * that of the other members (etcd's pull request 14730). `force` is a person's word that this is known.
 */
export function versionTroubles(members: readonly RoomMember[], force: boolean): string[] {
  if (force) return [];
  return members.flatMap(({ node, version }) => {
    if (version === undefined) return [];
    const parsed = parseEtcdVersion(version);
    if (parsed === undefined)
      return [`${node} runs etcd ${version}, which is not known here; --force goes on`];
    const isAffected = isAtLeast(parsed, '3.5.0') && !isAtLeast(parsed, '3.5.6');
    return isAffected
      ? [
          `${node} runs etcd ${version}: one that dies while it defragments comes back with another revision than the others (mended in 3.5.6); --force goes on`,
        ]
      : [];
  });
}

/** etcd writes some of its own beside the copy. */
const besideBytes = 64 * 1024 * 1024;

/** Why its disk has no room for the copy, which is as large as what is in use. */
export function diskTrouble(
  { node, fileBytes = 0, usedBytes }: RoomMember,
  freeBytes: number,
): string | undefined {
  const needed = (usedBytes ?? fileBytes) + besideBytes;
  if (freeBytes >= needed) return undefined;
  return `the disk of ${node} has ${mebibytes(freeBytes)} free, and the new file beside the old one takes up to ${mebibytes(needed)}`;
}

const baseMs = 60_000;
const msPerGiB = 60_000;

/** How long a defragmentation may take: disks of 20 MB/s are not uncommon. */
export function defragMsMax({ fileBytes = 0 }: Pick<RoomMember, 'fileBytes'>): number {
  return baseMs + Math.ceil((fileBytes / 1024 ** 3) * msPerGiB);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
