/** What confirms something that cannot simply be done again, and what does not. */
import { createInterface } from 'node:readline/promises';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { confirmName } from './confirm-name.js';

const wanted = { question: 'All of it.', name: 'prod', command: 'coordinator data delete /x' };

function typed(keys: string) {
  const input = new PassThrough();
  const terminal = createInterface({ input, output: new PassThrough(), terminal: true });
  const answer = confirmName({ ...wanted, yes: false, confirm: undefined }, terminal);
  input.write(keys);
  return answer;
}

it('the name, typed or given beside --yes', async () => {
  await typed('prod\r');
  await typed(' prod \r');
  await confirmName({ ...wanted, yes: true, confirm: 'prod' });
});

it.each(['\r', 'y\r', 'Prod\r', 'prod2\r'])('%j is refused', async (keys) => {
  await expect(typed(keys)).rejects.toMatchObject({ parts: { exit: 'refused' } });
});

it('Ctrl-C ends with 130', async () => {
  await expect(typed('\u0003')).rejects.toMatchObject({ parts: { exit: 'interrupted' } });
});

it('another name is refused whatever else is given', async () => {
  for (const yes of [true, false]) {
    await expect(confirmName({ ...wanted, yes, confirm: 'test' })).rejects.toMatchObject({
      parts: { exit: 'refused' },
    });
  }
});

it('--yes alone, and no terminal, say what a script passes', async () => {
  for (const yes of [true, false]) {
    await expect(confirmName({ ...wanted, yes, confirm: undefined })).rejects.toMatchObject({
      parts: { exit: 'usage', next: 'coordinator data delete /x --yes --confirm prod' },
    });
  }
});
