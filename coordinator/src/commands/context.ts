/** What every command is given: the options that all have in common, and the terminal. */
import { createInterface, type Interface } from 'node:readline/promises';
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

/**
 * Asks on stderr; only `y` or `yes` means yes. Throws Failure: usage where nobody can be asked, interrupted at Ctrl-C or
 * Ctrl-D.
 */
export async function ask(question: string, withoutTerminal: string): Promise<boolean> {
  if (!canAsk()) {
    throw new Failure({
      exit: 'usage',
      what: 'this needs a confirmation, and there is no terminal to ask on',
      next: withoutTerminal,
    });
  }
  return askOn(createInterface({ input: process.stdin, output: process.stderr }), question);
}

/** The same on any terminal, which is closed afterwards. */
export async function askOn(terminal: Interface, question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await answerOn(terminal, `${question} [y/N] `)).trim());
}

/** What is typed there after the question. Throws Failure: interrupted. The terminal is closed afterwards. */
export async function answerOn(terminal: Interface, question: string): Promise<string> {
  const interrupted = new Failure({ exit: 'interrupted', what: 'interrupted; nothing was changed' });
  // A terminal that goes away only closes: the question would wait for ever.
  const closed = new Promise<never>((_, reject) => terminal.once('close', () => reject(interrupted)));
  closed.catch(() => {});
  try {
    return await Promise.race([terminal.question(question), closed]);
  } catch (error) {
    // Ctrl-C and Ctrl-D also reject the question; which of the two comes first is up to the version of Node.
    if ((error as Error).name === 'AbortError') throw interrupted;
    throw error;
  } finally {
    terminal.close();
  }
}
