/**
 * Random rounds on five hosts: each strikes one host or two at once, so that a quorum is left whatever is done to them. Which
 * ones follows from a seed; all kinds come before one of them comes again.
 */
import { SimChance } from '../simulated/chance.js';

/** Each leaves the host's member as it was. */
const mild = [
  'etcd is killed',
  'etcd is told to end',
  'somebody stops etcd',
  'somebody runs systemctl kill on etcd',
  '/etc/etcd is lost',
  'the agent is killed',
  'the agent is replaced',
  'the power fails',
  'it is rebooted',
  'it is cut off',
  'it hears and is not heard',
] as const;
/** After each of these the host has another member. */
const replacing = [
  'the data is wiped',
  'the log is corrupted',
  'the power fails in mid-repair',
  'an older disk comes back',
  'it is reinstalled',
] as const;
/** Cuts are mended together, and what an operator does takes hosts that can be reached: such a round has one strike. */
const alone: readonly StrikeKind[] = [
  'it is cut off',
  'it hears and is not heard',
  'an older disk comes back',
  'it is reinstalled',
];
/** Beside a host that is cut off a repair must wait until that one is back. */
const besideCut: readonly StrikeKind[] = ['the data is wiped', 'etcd is killed'];
const twoAtOnce = 0.35;

export const strikeKinds = [...mild, ...replacing];
export type StrikeKind = (typeof strikeKinds)[number];

export interface Strike<Name> {
  readonly kind: StrikeKind;
  readonly on: Name;
}

export interface Round<Name> {
  readonly number: number;
  /** For the name of a test. */
  readonly text: string;
  readonly strikes: readonly Strike<Name>[];
}

export function isReplacing(kind: StrikeKind): boolean {
  return (replacing as readonly string[]).includes(kind);
}

export function drawRounds<Name>(seed: string, count: number, hosts: readonly Name[]): Round<Name>[] {
  const chance = new SimChance(seed);
  let deck: StrikeKind[] = [];
  return Array.from({ length: count }, (_, at) => {
    if (deck.length === 0) deck = chance.shuffled(strikeKinds);
    const kind = deck.pop()!;
    const [on, other] = chance.shuffled(hosts) as [Name, Name];
    const beside = alone.includes(kind)
      ? kind === 'it is cut off'
        ? besideCut
        : []
      : strikeKinds.filter((each) => !alone.includes(each));
    const second =
      beside.length > 0 && chance.happens(twoAtOnce) ? [{ kind: chance.pick(beside), on: other }] : [];
    const strikes = [{ kind, on }, ...second];
    return { number: at + 1, text: strikes.map((each) => `${each.on}: ${each.kind}`).join('; '), strikes };
  });
}
