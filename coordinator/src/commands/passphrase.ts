/** The passphrase of an exported state: from a file, or typed without echo on a terminal. Never an argument: ps shows those. */
import { readFile } from 'node:fs/promises';
import { Failure } from '../failure.js';
import { canAsk } from './context.js';

export async function readPassphrase(
  file: string | undefined,
  options: { readonly confirm: boolean },
): Promise<string> {
  if (file !== undefined) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Failure(
        { exit: 'usage', what: `cannot read the passphrase file ${file} (${error.code})` },
        { cause: error },
      );
    });
    return text.split(/\r?\n/, 1)[0]!;
  }
  if (!canAsk()) {
    throw new Failure({
      exit: 'usage',
      what: 'a passphrase is needed, and there is no terminal to ask on',
      next: 'give --passphrase-file FILE',
    });
  }
  const first = await askHidden('Passphrase: ');
  if (options.confirm && (await askHidden('Again: ')) !== first) {
    throw new Failure({ exit: 'usage', what: 'the two passphrases differ' });
  }
  return first;
}

function askHidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (act: () => void) => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', onData);
      stderr.write('\n');
      act();
    };
    const onData = (chunk: Buffer) => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n') return finish(() => resolve(text));
        if (character === '\u0003')
          return finish(() => reject(new Failure({ exit: 'interrupted', what: 'interrupted' })));
        text = character === '\u007f' ? text.slice(0, -1) : text + character;
      }
    };
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on('data', onData);
  });
}
