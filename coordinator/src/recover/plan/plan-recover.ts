/**
 * What is to be done about a cluster without a quorum: nothing while there is one, starting what is there where that makes one,
 * and only then going on from one survivor's data.
 *
 * Preconditions of a recovery, in this order: no linearizable read goes through anybody; the data of no majority is intact; every
 * node that is silent was given up by name; there is data.
 */
import { quorum } from '@etcd-agent/etcd';
import type { DiskReport, ReportedMember } from '@etcd-agent/protocol';
import { type Losses, lossesOf } from './losses.js';
import type { Situation } from './situation.js';
import { compareNumbers, reasonFor, type Survivor, survivorsOf, whyNothing } from './survivors.js';

export interface Candidate {
  readonly survivor: Survivor;
  readonly losses: Losses;
}

/** What both outcomes with a table show. */
export interface DisksSeen {
  readonly candidates: readonly Candidate[];
  /** Nodes that were reached and have nothing, with why. */
  readonly empty: readonly { readonly node: string; readonly why: string }[];
  readonly silent: readonly {
    readonly node: string;
    readonly why: string;
    readonly etcdAnswers: boolean;
    readonly givenUp: boolean;
  }[];
  readonly voters: readonly ReportedMember[];
}

export type RecoverPlan =
  | { readonly kind: 'quorum'; readonly through: readonly string[] }
  /** A majority has its data: started, they are the cluster, and nothing is lost. */
  | ({ readonly kind: 'start'; readonly intact: readonly Startable[] } & DisksSeen)
  | ({ readonly kind: 'silent'; readonly missing: readonly string[]; readonly enough: boolean } & DisksSeen)
  | { readonly kind: 'notSilent'; readonly nodes: readonly string[] }
  | ({ readonly kind: 'noData' } & DisksSeen)
  | { readonly kind: 'noSuchSurvivor'; readonly from: string; readonly survivors: readonly string[] }
  | ({
      readonly kind: 'recover';
      readonly chosen: Candidate;
      readonly recommended: Candidate;
      readonly reason: string;
      /** The nodes that the new cluster begins with. */
      readonly takePart: readonly string[];
      readonly givenUp: readonly string[];
      /** The nodes given up are enough to be a quorum by themselves, if they still see each other. */
      readonly mayGoOn: boolean;
    } & DisksSeen);

export type Recovery = Extract<RecoverPlan, { kind: 'recover' }>;

/**
 * Whether what a person agreed to is still what there is: the same nodes take part, the chosen survivor has no less than it had, and
 * no other has more, unless that was `overruled`. Survivors with as much as one another may change places meanwhile.
 */
export function holdsStill(before: Recovery, now: Recovery, overruled: boolean): boolean {
  const [was, is, best] = [before.chosen, now.chosen, now.recommended].map(({ survivor }) => survivor);
  return (
    before.takePart.join() === now.takePart.join() &&
    was!.node === is!.node &&
    compareNumbers(is!.committed, was!.committed) >= 0 &&
    (overruled || compareNumbers(is!.committed, best!.committed) >= 0)
  );
}

export interface Startable {
  readonly node: string;
  readonly runs: boolean;
  /** What a person does about it, a command each. */
  readonly commands: readonly string[];
}

export function planRecover(situation: Situation): RecoverPlan {
  const { nodes, givenUp } = situation;
  const through = [
    ...situation.reads,
    ...nodes.flatMap((each) => (each.kind === 'reported' && readsGoThrough(each.report) ? [each.name] : [])),
  ];
  if (through.length > 0) return { kind: 'quorum', through: [...new Set(through)].sort() };

  const survivors = survivorsOf(situation);
  const voters = survivors[0]?.members.filter(({ role }) => role === 'voter') ?? [];
  const seen: DisksSeen = {
    candidates: survivors.map((survivor) => ({ survivor, losses: lossesOf(survivor, nodes) })),
    empty: nodes.flatMap((each) =>
      each.kind === 'reported' && !survivors.some(({ node }) => node === each.name)
        ? [{ node: each.name, why: whyNothing(each.report, situation.cluster.clusterId) }]
        : [],
    ),
    silent: nodes.flatMap((each) =>
      each.kind === 'silent'
        ? [
            {
              node: each.name,
              why: each.why,
              etcdAnswers: each.etcdAnswers,
              givenUp: givenUp.includes(each.name),
            },
          ]
        : [],
    ),
    voters,
  };
  const intact = survivors.filter(
    ({ memberId, behind }) => behind === undefined && voters.some(({ id }) => id === memberId),
  );
  if (voters.length > 0 && intact.length >= quorum(voters.length))
    return { kind: 'start', intact: intact.map(startable), ...seen };

  const reachable = nodes.filter((each) => each.kind === 'reported' && !isUnconfigured(each.report));
  const notSilent = givenUp.filter((name) => reachable.some((each) => each.name === name));
  if (notSilent.length > 0) return { kind: 'notSilent', nodes: notSilent };
  const missing = seen.silent.filter((each) => !each.givenUp).map(({ node }) => node);
  if (missing.length > 0) {
    const enough = voters.length > 0 && intact.length + missing.length >= quorum(voters.length);
    return { kind: 'silent', missing, enough, ...seen };
  }
  const [recommended, second] = seen.candidates;
  if (recommended === undefined) return { kind: 'noData', ...seen };
  const chosen =
    situation.from === undefined
      ? recommended
      : seen.candidates.find(({ survivor }) => survivor.node === situation.from);
  if (chosen === undefined)
    return {
      kind: 'noSuchSurvivor',
      from: situation.from!,
      survivors: survivors.map(({ node }) => node),
    };
  return {
    kind: 'recover',
    chosen,
    recommended,
    reason: reasonFor(recommended.survivor, second?.survivor),
    takePart: nodes
      .filter((each) => each.kind === 'reported' && !givenUp.includes(each.name))
      .map(({ name }) => name),
    givenUp,
    mayGoOn: givenUp.length >= quorum(voters.length),
    ...seen,
  };
}

function readsGoThrough({ etcd }: DiskReport): boolean {
  return etcd.kind === 'answers' && etcd.healthy;
}

/** A host that was installed and enrolled anew: without a quorum no bootstrap can configure it. */
function isUnconfigured({ spec }: DiskReport): boolean {
  return spec.kind === 'none';
}

function startable({ node, report }: Survivor): Startable {
  const { service, paused, etcd } = report;
  if (etcd.kind !== 'notRunning') return { node, runs: true, commands: [] };
  const commands: string[] = [];
  if (paused) commands.push('coordinator heal resume');
  if (service.kind === 'masked')
    commands.push(`on ${node}: systemctl unmask etcd && systemctl enable --now etcd`);
  // An agent starts its etcd by itself, unless it is held up by what it says there.
  else if (!paused) commands.push(`coordinator explain ${node}`);
  return { node, runs: false, commands };
}
