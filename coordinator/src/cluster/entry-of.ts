/** A node's entry in etcd's member list: by its peer URL, since an entry that has not started has no name. Pure. */
import type { Member } from '@etcd-agent/etcd';
import type { NodePlace } from '../topology/places.js';

export function entryOf({ name, peerURL }: NodePlace, members: readonly Member[]): Member | undefined {
  return (
    members.find(({ peerURLs }) => peerURLs.includes(peerURL)) ??
    members.find((member) => member.name === name)
  );
}
