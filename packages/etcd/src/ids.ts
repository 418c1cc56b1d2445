/**
 * Member and cluster ids: how they are written, and how etcd derives them when a cluster is bootstrapped. The ids of a
 * cluster follow from its peer URLs and its token alone, so they can be known before any member has started.
 *
 * Not here: ids that `member add` makes; etcd mixes the time into those.
 */
import { createHash } from 'node:crypto';

declare const memberIdBrand: unique symbol;
declare const clusterIdBrand: unique symbol;

/** A member's id: 16 lower-case hex digits. */
export type MemberId = string & { readonly [memberIdBrand]: true };

/** A cluster's id: 16 lower-case hex digits. */
export type ClusterId = string & { readonly [clusterIdBrand]: true };

/** A member id from hex text as etcdctl prints it (leading zeros may be missing). Throws RangeError on other text. */
export function memberId(hex: string): MemberId {
  return normalHex(hex) as MemberId;
}

/** A cluster id from hex text. Throws RangeError on other text. */
export function clusterId(hex: string): ClusterId {
  return normalHex(hex) as ClusterId;
}

/** A member id from a uint64, as bigint or as the decimal text that gRPC and JSON carry. Throws RangeError. */
export function memberIdFromUint64(value: bigint | string): MemberId {
  return uint64Hex(value) as MemberId;
}

/** A cluster id from a uint64, as bigint or as decimal text. Throws RangeError. */
export function clusterIdFromUint64(value: bigint | string): ClusterId {
  return uint64Hex(value) as ClusterId;
}

/** The decimal text of an id, as gRPC carries a uint64. */
export function uint64Of(id: MemberId | ClusterId): string {
  return BigInt(`0x${id}`).toString();
}

/**
 * The id that etcd gives a member of a static bootstrap. `peerURLs` are its advertised peer URLs, in any order and
 * written exactly as in `initial-cluster`; `token` is the initial cluster token.
 */
export function bootstrapMemberId(peerURLs: readonly string[], token: string): MemberId {
  if (peerURLs.length === 0) throw new RangeError('a member has at least one peer URL');
  const hash = createHash('sha1');
  for (const url of peerURLs.map((each) => each.trim()).sort(byBytes)) hash.update(url, 'utf8');
  return firstUint64(hash.update(token, 'utf8').digest()) as MemberId;
}

/** The id that etcd gives the cluster whose bootstrap members have these ids, in any order. */
export function clusterIdOf(memberIds: readonly MemberId[]): ClusterId {
  if (memberIds.length === 0) throw new RangeError('a cluster has at least one member');
  if (new Set(memberIds).size !== memberIds.length) throw new RangeError('a member id occurs twice');
  const hash = createHash('sha1');
  // Equal-length lower-case hex sorts as the numbers do.
  for (const id of [...memberIds].sort(byBytes)) hash.update(id, 'hex');
  return firstUint64(hash.digest()) as ClusterId;
}

function firstUint64(digest: Buffer): string {
  return digest.toString('hex', 0, 8);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

function normalHex(hex: string): string {
  if (!/^[0-9a-fA-F]{1,16}$/.test(hex)) throw new RangeError(`not an etcd id in hex: ${JSON.stringify(hex)}`);
  return hex.toLowerCase().padStart(16, '0');
}

function uint64Hex(value: bigint | string): string {
  if (typeof value === 'string' && !/^\d{1,20}$/.test(value)) {
    throw new RangeError(`not a uint64 in decimal: ${JSON.stringify(value)}`);
  }
  const number = BigInt(value);
  if (number < 0n || number > 0xffff_ffff_ffff_ffffn) throw new RangeError(`not a uint64: ${number}`);
  return number.toString(16).padStart(16, '0');
}
