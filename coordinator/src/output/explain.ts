/** What is known of one node, what its agent will do, what that waits for, and what a person can do: in words. Pure. */
import type { HealStatus, PeerView, Waiting } from '@etcd-agent/protocol';
import { ageText } from '../durations.js';
import { flappingAdvice, isFlapping, repairText, waitingText } from './healing.js';
import { sightRows, sightSentences, sightTable } from './sights.js';

export interface ExplainInputs {
  readonly node: string;
  /** All nodes, in the order of the topology. */
  readonly names: readonly string[];
  /** What its own agent says, or why it says nothing. */
  readonly own:
    | { readonly kind: 'answers'; readonly status: HealStatus }
    | { readonly kind: 'silent'; readonly why: string };
  /** Of the other agents that answer. */
  readonly views: readonly PeerView[];
  /** The coordinator's own record says that the node is not wanted. */
  readonly isUnwanted: boolean;
  readonly now: Date;
}

/** Paragraphs, each under its head. */
export function explanation(inputs: ExplainInputs): readonly { head: string; lines: readonly string[] }[] {
  const { own, now } = inputs;
  const status = own.kind === 'answers' ? own.status : undefined;
  return [
    {
      head: 'Seen by its own agent',
      lines: own.kind === 'silent' ? [`no answer: ${own.why}`] : ownWords(own.status),
    },
    { head: 'Seen by the others', lines: othersWords(inputs) },
    { head: 'Next', lines: nextWords(inputs, now) },
    { head: 'Waits for', lines: (status?.waiting ?? []).map(waitingText) },
    { head: 'What you can do', lines: advice(inputs) },
  ].filter(({ lines }) => lines.length > 0);
}

function ownWords({ view, seen, history }: HealStatus): string[] {
  const last = history.at(-1);
  return [
    `etcd is ${view.etcd} for ${ageText(view.etcdForMs)}; member ${view.memberId ?? 'none'}, generation ${view.generation}`,
    ...seen.map(({ text }) => text),
    ...(last === undefined
      ? []
      : [`last repair (${last.rule}) ended ${last.endedAt}: ${last.oldMemberId} -> ${last.newMemberId}`]),
  ];
}

function othersWords({ node, names, own, views }: ExplainInputs): string[] {
  if (views.length === 0) return ['no other agent answers'];
  const all = own.kind === 'answers' ? [...views, own.status.view] : views;
  const rows = sightRows(all).filter((row) => row.node === node);
  return [...sightTable([node], rows, names).split('\n'), ...sightSentences([node], rows)];
}

function nextWords({ own, isUnwanted }: ExplainInputs, now: Date): string[] {
  if (own.kind === 'silent') return ['nobody does anything to a node for being silent'];
  const { repair, next, waiting } = own.status;
  if (repair !== null) return [`repair under way (${repair.rule}): ${repairText(repair, now)}`];
  if (next !== null) return [`${next.step} (${next.rule}): ${next.why}`];
  if (isUnwanted) return ['nothing: it is not wanted in the cluster'];
  return [waiting.length === 0 ? 'nothing is to be done' : 'nothing before what it waits for has changed'];
}

/** By what is so, in the order in which it would have to be done. */
function advice({ node, own, views, isUnwanted }: ExplainInputs): string[] {
  if (isUnwanted) return [`to bring it back: coordinator member replace ${node}`];
  if (own.kind === 'silent') {
    return [
      `on ${node}: systemctl status etcd-agent`,
      `if the host was reinstalled: coordinator token ${node} --replace, enrol it with that token, then coordinator bootstrap`,
      `if it does not come back: coordinator member remove ${node}`,
    ];
  }
  const { pause, policy, repair, waiting, view } = own.status;
  const words = `${waiting.map(({ rule, reason }) => `${rule} ${reason}`).join('\n')}`;
  return [
    ...(pause === null ? [] : [`to let it heal before ${pause.until}: coordinator heal resume`]),
    ...(policy?.mode === 'watch'
      ? ['to let it heal: set mode: heal under healing: in the topology, then coordinator apply -f FILE']
      : []),
    ...(waiting.some(({ rule }) => rule === 'operation')
      ? [
          'to go on with the operation: coordinator restore --resume; to take a restore back: coordinator restore undo',
        ]
      : []),
    ...(waiting.some(({ rule }) => rule === 'fence')
      ? ['to tell it what the others were told: coordinator restore --resume']
      : []),
    ...(view.generation === 0 ? ['to configure it: coordinator bootstrap'] : []),
    ...(waiting.some(isNewDisk)
      ? [`if the new disk is the right one: coordinator node accept-disk ${node}`]
      : []),
    ...(/certificate/.test(words) ? ['for new certificates: coordinator bootstrap'] : []),
    ...(isFlapping(words) ? flappingAdvice(node) : []),
    ...(repair !== null ? [`to watch it: coordinator events --node ${node} --follow`] : []),
    ...(repair === null && waiting.length > 0 && views.length > 0
      ? [`what it has done so far: coordinator events --node ${node}`]
      : []),
  ];
}

/** By its rule: other reasons quote etcd, which speaks of file systems too. */
function isNewDisk({ rule, reason }: Waiting): boolean {
  return rule === 'newDisk' || (rule === 'resumeRepair' && reason.startsWith('another file system'));
}
