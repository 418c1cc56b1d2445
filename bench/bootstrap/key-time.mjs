// The time that RSA keys take by themselves: as many as a bootstrap makes, as many at once, in as many processes.
import { once } from 'node:events';
import { start } from './owned-processes.mjs';

const twoKeys = `
const { generateKeyPair } = require('node:crypto');
const { promisify } = require('node:util');
const make = () => promisify(generateKeyPair)('rsa', { modulusLength: +process.argv[1] });
process.stdin.once('data', () => Promise.all([make(), make()]).then(() => process.exit()));
process.stdout.write('ready');
`;

/** Milliseconds for two keys on each of three nodes, all at once; the processes are up before the clock starts. */
export async function keyMs(size) {
  const children = [1, 2, 3].map(() =>
    start(process.execPath, ['-e', twoKeys, String(size)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
  const began = performance.now();
  await Promise.all(
    children.map((child) => {
      child.stdin.write('go');
      return once(child, 'exit');
    }),
  );
  return performance.now() - began;
}
