/**
 * Counting keys by the first segments of their paths, in memory that does not grow with the keys. Pure values, one counter at
 * a time.
 */

/** More groups than anybody reads, each some hundred bytes here. Keys without a path can make one each. */
const groupsMax = 10_000;
const slash = 0x2f;

/** The bytes of a key's first `depth` segments; the whole key where it has no more. A leading slash begins none. */
export function groupOf(key: Uint8Array, depth: number): Uint8Array {
  let at = key[0] === slash ? 1 : 0;
  for (let segment = 0; segment < depth; segment += 1) {
    const next = key.indexOf(slash, at);
    if (next === -1) return key;
    at = next + 1;
  }
  return key.subarray(0, at - 1);
}

/** Segments that a prefix names wholly; what follows is what a listing below it tells apart. */
export function segmentsIn(prefix: Uint8Array): number {
  return (
    prefix.filter((byte, at) => byte === slash && at > 0).length +
    (prefix.at(-1) === slash || prefix.length === 0 ? 0 : 1)
  );
}

export interface GroupCount {
  readonly group: Uint8Array;
  readonly keys: number;
}

export class GroupCounts {
  private readonly counts = new Map<string, number>();
  private beyond = 0;

  constructor(private readonly depth: number) {}

  add(key: Uint8Array): void {
    // One character a byte, so that a group of any bytes is a string of its own.
    const group = Buffer.from(groupOf(key, this.depth)).toString('latin1');
    const before = this.counts.get(group);
    if (before === undefined && this.counts.size >= groupsMax) this.beyond += 1;
    else this.counts.set(group, (before ?? 0) + 1);
  }

  /** In the order of the groups. */
  get groups(): readonly GroupCount[] {
    return [...this.counts]
      .map(([group, keys]) => ({ group: Buffer.from(group, 'latin1'), keys }))
      .sort((a, b) => Buffer.compare(a.group, b.group));
  }

  /** Keys of groups that came after there were too many. */
  get beyondGroups(): number {
    return this.beyond;
  }
}
