/** A question on a terminal: what counts as yes, and what Ctrl-C and Ctrl-D do. */

import { createInterface } from 'node:readline/promises';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Failure } from '../failure.js';
import { askOn } from './context.js';

/** Stands for a terminal that goes away. */
const hangUp = 'hang up';

/** Asks on a terminal where somebody presses these keys. */
async function answerTo(keys: string): Promise<unknown> {
  const input = new PassThrough();
  const terminal = createInterface({ input, output: new PassThrough(), terminal: true });
  const answer = askOn(terminal, 'Go on?').catch((error: unknown) => error);
  if (keys === hangUp) input.end();
  else input.write(keys);
  return answer;
}

describe('a confirmation', () => {
  it.each([
    ['y\r', true],
    ['Yes\r', true],
    ['\r', false],
    ['n\r', false],
    ['yesterday\r', false],
  ])('%j is %s', async (keys, yes) => {
    expect(await answerTo(keys)).toBe(yes);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
    ['a terminal that goes away', hangUp],
    ['Ctrl-C after a letter', 'y\u0003'],
  ])('%s ends with 130 and says that nothing was changed', async (_name, keys) => {
    const failure = await answerTo(keys);
    expect(failure).toBeInstanceOf(Failure);
    expect((failure as Failure).exitCode).toBe(130);
    expect((failure as Failure).parts.what).toBe('interrupted; nothing was changed');
  });
});
