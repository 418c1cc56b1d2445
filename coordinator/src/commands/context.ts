/** What every command is given: the options that all have in common, and the terminal. */
import { createInterface } from 'node:readline/promises';
import { Failure } from '../failure.js';
import type { Progress } from '../progress.js';

export interface CommandContext {
  /** The resolved state directory. */
  readonly stateDir: string;
  readonly progress: Progress;
}

/** True when a person can be asked: both ends of the conversation are a terminal. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on stderr; only `y` or `yes` means yes. Throws Failure (usage) where nobody can be asked. */
export async function ask(question: string, withoutTerminal: string): Promise<boolean> {
  if (!canAsk()) {
    throw new Failure({
      exit: 'usage',
      what: 'this needs a confirmation, and there is no terminal to ask on',
      next: withoutTerminal,
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
