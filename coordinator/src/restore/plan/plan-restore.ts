/**
 * Whether a restore may begin, what would be lost by it, and what would be done. Pure: the same facts give the same plan, which
 * is printed before anybody is asked.
 */

/** A node as it was found before a restore. */
export type NodeFacts = { readonly name: string } & (
  | { readonly kind: 'silent'; readonly why: string }
  | {
      readonly kind: 'linked';
      /** 0: its agent was enrolled and has never been told what to run. */
      readonly generation: number;
      readonly dataDir: string;
      readonly data:
        | { readonly kind: 'none' | 'ours' }
        | { readonly kind: 'foreign' | 'unknown'; readonly why: string };
      readonly fileSystem: 'same' | 'other' | 'neverSeen';
      readonly freeBytes: number;
      /** The revision that its etcd tells; undefined: it does not answer. */
      readonly revision: string | undefined;
    }
);

export interface RestoreFacts {
  readonly nodes: readonly NodeFacts[];
  /** Nodes that the operator names as not taking part. */
  readonly without: readonly string[];
  /** Nodes whose member was removed on purpose. */
  readonly unwanted: readonly string[];
  readonly snapshot: {
    readonly bytes: number;
    readonly seal: 'right' | 'none';
    readonly isKubernetes: boolean;
    /** What a trial restore of it served; undefined: it was not tried yet. */
    readonly content: { readonly revision: string; readonly keys: number } | undefined;
  };
  /** A copy of a database that nothing vouches for is taken all the same. */
  readonly unsealed: boolean;
  /** How far the operator wants the revision raised; undefined: as the data asks for. */
  readonly bumpRevision: number | undefined;
  /** The etcd of the cluster can raise it. */
  readonly canBump: boolean;
}

export interface Refusal {
  readonly what: string;
  readonly next: string;
}

export interface RestorePlan {
  readonly nodes: readonly string[];
  readonly bumpRevision: number;
  /** What the cluster has now against what it will have, a sentence each. */
  readonly losses: readonly string[];
  readonly warnings: readonly string[];
  readonly steps: readonly string[];
}

/** As etcd's documentation recommends for clusters whose clients watch. */
const bumpDefault = 1_000_000_000;
/** The data dir, the first file of its WAL, and what else is on that disk. */
const roomBytes = 128 * 1024 ** 2;

export function planRestore(
  facts: RestoreFacts,
):
  | { readonly kind: 'refuse'; readonly refusals: readonly Refusal[] }
  | ({ readonly kind: 'restore' } & RestorePlan) {
  const left = [...facts.without, ...facts.unwanted];
  const wanted = facts.nodes.filter(({ name }) => !left.includes(name));
  const refusals = [...wanted.flatMap((node) => refusalsOf(node, facts)), ...refusalsOfAll(wanted, facts)];
  if (refusals.length > 0) return { kind: 'refuse', refusals };
  const nodes = wanted.map(({ name }) => name);
  const bumpRevision = facts.bumpRevision ?? (facts.snapshot.isKubernetes && facts.canBump ? bumpDefault : 0);
  return {
    kind: 'restore',
    nodes,
    bumpRevision,
    losses: lossesOf(facts),
    warnings: warningsOf(facts, nodes, bumpRevision),
    steps: [
      `hold every agent: nothing is started or repaired on ${nodes.join(', ')} but by this restore`,
      `stop etcd on ${nodes.join(', ')} and move its data aside, where coordinator restore undo finds it`,
      `restore the snapshot on each, as a cluster of ${nodes.length} with new ids${bumpRevision === 0 ? '' : `, its revision raised by ${bumpRevision} and marked as compacted`}`,
      'start all, write through each and compare their keys',
      ...(facts.without.length === 0
        ? []
        : [`${facts.without.join(', ')} rejoin by themselves when they are back`]),
    ],
  };
}

function refusalsOf(node: NodeFacts, { snapshot }: RestoreFacts): Refusal[] {
  const { name } = node;
  if (node.kind === 'silent')
    return [
      {
        what: `the agent of ${name} is not reached: ${node.why}`,
        next: `bring ${name} back; or go on without it, and it rejoins later: --without ${name}`,
      },
    ];
  const refusals: Refusal[] = [];
  if (node.generation === 0)
    refusals.push({
      what: `${name} has no member spec yet: it was enrolled and never configured`,
      next: `coordinator bootstrap; or go on without it: --without ${name}`,
    });
  if (node.data.kind === 'foreign' || node.data.kind === 'unknown')
    refusals.push({
      what: `${name} ${node.dataDir}: ${node.data.why}`,
      next: `look at it, then on ${name}: mv ${node.dataDir} ${node.dataDir}.old; or go on without it: --without ${name}`,
    });
  if (node.fileSystem === 'other')
    refusals.push({
      what: `${name}: another file system than before is under ${node.dataDir}: it may be an unmounted volume`,
      next: `mount it; or, if this is the right one: coordinator node accept-disk ${name}`,
    });
  if (node.freeBytes < snapshot.bytes + roomBytes)
    refusals.push({
      what: `${name} has ${mebibytes(node.freeBytes)} free under ${node.dataDir}, and the restore takes ${mebibytes(snapshot.bytes + roomBytes)} beside the data that is there`,
      next: `make room on ${name}; nothing of the former data is deleted for it`,
    });
  return refusals;
}

function refusalsOfAll(wanted: readonly NodeFacts[], facts: RestoreFacts): Refusal[] {
  const { without, unwanted, nodes, snapshot, unsealed, bumpRevision, canBump } = facts;
  const refusals: Refusal[] = [];
  const unknown = without.filter((name) => !nodes.some((node) => node.name === name));
  if (unknown.length > 0)
    refusals.push({
      what: `there is no node ${unknown.join(', ')} in this cluster`,
      next: `its nodes are ${nodes.map(({ name }) => name).join(', ')}`,
    });
  if (wanted.length === 0)
    refusals.push({
      what: 'no node is left to restore on',
      next: `name fewer with --without${unwanted.length > 0 ? `; removed on purpose: ${unwanted.join(', ')}` : ''}`,
    });
  if (snapshot.seal === 'none' && !unsealed)
    refusals.push({
      what: 'the file has no SHA-256 at its end: it is a copy of a database and no snapshot, and nothing vouches for it',
      next: 'use a snapshot; or, where this is all there is: --skip-hash-check',
    });
  if ((bumpRevision ?? 0) > 0 && !canBump)
    refusals.push({
      what: 'the etcd of this cluster cannot raise the revision of a snapshot: 3.4.27, 3.5.10 and 3.6 can',
      next: 'leave --bump-revision out',
    });
  return refusals;
}

/** By what each member tells now. What a member that does not answer has, nobody knows. */
function lossesOf({ nodes, snapshot }: RestoreFacts): string[] {
  const { content } = snapshot;
  if (content === undefined) return [];
  const told = nodes.flatMap((node) =>
    node.kind === 'linked' && node.revision !== undefined
      ? [{ name: node.name, revision: BigInt(node.revision) }]
      : [],
  );
  const file = BigInt(content.revision);
  const lines = [`the snapshot has ${content.keys} keys at revision ${content.revision}`];
  for (const { name, revision } of told) {
    const behind = revision - file;
    lines.push(
      behind > 0n
        ? `${name} is at revision ${revision}: the ${behind} newest revisions are lost`
        : `${name} is at revision ${revision}: nothing of it is newer than the snapshot`,
    );
  }
  const silent = nodes.filter(({ name }) => !told.some((each) => each.name === name)).map(({ name }) => name);
  if (silent.length > 0)
    lines.push(
      `etcd of ${silent.join(', ')} does not answer: what it has beyond the snapshot is not known, and is lost`,
    );
  return lines;
}

function warningsOf(
  { nodes, without, snapshot, canBump, unwanted }: RestoreFacts,
  taking: readonly string[],
  bumpRevision: number,
): string[] {
  const warnings: string[] = [];
  const members = nodes.filter(({ name }) => !unwanted.includes(name)).length;
  if (without.length > members / 2)
    warnings.push(
      `${without.join(', ')} are a majority: while they see each other and nobody has told them, they may go on acknowledging writes, which are lost when they rejoin`,
    );
  if (snapshot.isKubernetes && bumpRevision === 0)
    warnings.push(
      canBump
        ? 'these look like the keys of Kubernetes, and the revision is not raised: stop all of its components before, and start them after'
        : 'these look like the keys of Kubernetes, and this etcd cannot raise the revision: stop all of its components before, and start them after',
    );
  if (taking.length < 3)
    warnings.push(`a cluster of ${taking.length} cannot lose a member until the others are back`);
  return warnings;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
