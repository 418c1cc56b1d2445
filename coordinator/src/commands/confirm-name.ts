/**
 * The confirmation before something that cannot simply be done again: the person types the name of the cluster. Scripts pass
 * `--yes --confirm NAME`, which says as much: a `--yes` alone is typed from habit.
 */
import { createInterface, type Interface } from 'node:readline/promises';
import { Failure } from '../failure.js';
import { answerOn, canAsk } from './context.js';

export interface NameToConfirm {
  /** What is about to happen, in a sentence. */
  readonly question: string;
  /** What has to be typed: the cluster's name. */
  readonly name: string;
  readonly yes: boolean;
  readonly confirm: string | undefined;
  /** The command as it was typed, for a script to repeat with the two options. */
  readonly command: string;
}

/**
 * Returns when it is confirmed. Throws Failure: usage without a terminal and without both options, refused for another name,
 * interrupted at Ctrl-C. A `confirm` that is given is compared also where `yes` is not.
 */
export async function confirmName(wanted: NameToConfirm, terminal?: Interface): Promise<void> {
  const { question, name, yes, confirm, command } = wanted;
  if (confirm !== undefined && confirm !== name) throw another(`--confirm ${confirm}`, name);
  if (yes && confirm !== undefined) return;
  if (yes || (terminal === undefined && !canAsk())) {
    throw new Failure({
      exit: 'usage',
      what: yes
        ? 'this wants the name of the cluster beside --yes'
        : 'this needs a confirmation, and there is no terminal to ask on',
      next: `${command} --yes --confirm ${name}`,
    });
  }
  const asked = terminal ?? createInterface({ input: process.stdin, output: process.stderr });
  const typed = (
    await answerOn(asked, `${question}\nType the name of the cluster (${name}) to go on: `)
  ).trim();
  if (typed !== name) throw another(typed === '' ? 'nothing' : JSON.stringify(typed), name);
}

function another(typed: string, name: string): Failure {
  return new Failure({
    exit: 'refused',
    what: `${typed} is not the name of this cluster (${name}); nothing was changed`,
    next: 'look whether this is the state of the right cluster (--state DIR), then run the command again',
  });
}
