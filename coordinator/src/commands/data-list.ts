/** `coordinator data list`: what is in etcd, by its keys; no value is read. */
import { once } from 'node:events';
import { EtcdError, foreignRanges, type KeyFacts, keyAfter, prefixRange } from '@etcd-agent/etcd';
import { etcdFailure } from '../cluster/etcd-failure.js';
import type { KeyReach } from '../data/key-reach.js';
import { keyOf, keyText } from '../data/key-text.js';
import { openKeys } from '../data/open-keys.js';
import { GroupCounts, segmentsIn } from '../data/plan/group-counts.js';
import { pageBytesMax, walkKeys } from '../data/walk-keys.js';
import { factsView } from '../output/keys.js';
import { table } from '../output/table.js';
import type { OutputFormat, View } from '../output/view.js';
import type { CommandContext } from './context.js';

/** Keys of a page: few enough to be one quick read for etcd. */
const pageKeysMax = 2_000;
/** Beyond the prefix: `/kubernetes.io/pods` where there is none. */
const depthDefault = 2;

export interface ListFlags {
  readonly depth: number | undefined;
  /** The keys themselves, printed as they come. */
  readonly keys: boolean;
  readonly format: OutputFormat;
}

export async function dataList(
  { stateDir, progress }: CommandContext,
  prefix: string,
  { depth, keys: showsKeys, format }: ListFlags,
): Promise<View> {
  const bytes = keyOf(prefix);
  const reach = await openKeys(stateDir, pageBytesMax);
  const groups = new GroupCounts(depth ?? (bytes.length === 0 ? depthDefault : segmentsIn(bytes) + 1));
  const take = showsKeys
    ? (keys: readonly KeyFacts[]) => print(keys, format)
    : async (keys: readonly KeyFacts[]) => {
        for (const { key } of keys) groups.add(key);
      };
  try {
    const seen = showsKeys
      ? await walkAll(reach, bytes, take)
      : await progress.phase('Count the keys', ({ note }) => walkAll(reach, bytes, take, note));
    const notes = seen.changed
      ? ['history was compacted while the keys were read: later ones are as of a later moment']
      : [];
    if (showsKeys) return { document: undefined, table: undefined, notes };
    return countsView(prefix, groups, seen, notes);
  } finally {
    reach.close();
  }
}

interface Seen {
  readonly total: number;
  readonly revision: string;
  readonly changed: boolean;
}

/** All of one revision, or, where history is compacted meanwhile, of as few as can be. */
async function walkAll(
  reach: KeyReach,
  prefix: Uint8Array,
  take: (keys: readonly KeyFacts[]) => Promise<void>,
  note?: (text: string) => void,
): Promise<Seen> {
  let total = 0;
  let noted = performance.now();
  let revision = await now(reach);
  let changed = false;
  for (let rest = foreignRanges([prefixRange(prefix)]); rest.length > 0; ) {
    const range = rest[0]!;
    let from = range.from;
    try {
      const walk = { range, limit: () => pageKeysMax, revision, call: reach.call.bind(reach) };
      for await (const page of walkKeys(walk)) {
        await take(page.keys);
        total += page.keys.length;
        from = keyAfter(page.keys.at(-1)!.key);
        if (performance.now() - noted < 1_000) continue;
        noted = performance.now();
        note?.(`${total} keys`);
      }
      rest = rest.slice(1);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.kind !== 'compacted')
        throw etcdFailure(error, 'the keys could not be read to the end', 'coordinator status');
      changed = true;
      revision = await now(reach);
      rest = [{ from, end: range.end }, ...rest.slice(1)];
    }
  }
  return { total, revision, changed };
}

async function now(reach: KeyReach): Promise<string> {
  try {
    const nothing = { from: Buffer.of(0), end: Buffer.of(0, 0) };
    return (await reach.call((client) => client.count(nothing, '0'))).revision;
  } catch (error) {
    if (error instanceof EtcdError)
      throw etcdFailure(error, 'the keys could not be read', 'coordinator status');
    throw error;
  }
}

function countsView(prefix: string, groups: GroupCounts, seen: Seen, notes: readonly string[]): View {
  const { total, revision } = seen;
  const rows = groups.groups.map(({ group, keys }) => ({ group: keyText(group), keys }));
  const beyond = groups.beyondGroups;
  return {
    document: { kind: 'KeyCounts', prefix, revision, total, groups: rows, keysBeyondGroups: beyond },
    table: table(
      ['KEYS', 'BELOW'],
      [...rows.map(({ group, keys }) => [String(keys), group]), [String(total), '(all)']],
    ),
    notes: [
      `revision ${revision}`,
      ...notes,
      ...(beyond === 0
        ? []
        : [`${beyond} keys are of groups beyond the first ${rows.length}: a lower --depth makes fewer`]),
    ],
  };
}

/** A line each; waits where nobody reads as fast. */
async function print(keys: readonly KeyFacts[], format: OutputFormat): Promise<void> {
  const lines = keys.map((facts) =>
    format === 'table' ? keyText(facts.key) : JSON.stringify(factsView(facts)),
  );
  const head = format === 'yaml' ? '- ' : '';
  const text = lines.map((line) => `${head}${line}\n`).join('');
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
