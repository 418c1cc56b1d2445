// The checks that need no running program. One line per check: what to run is all there is to know about it.
import { join } from 'node:path';
import { runInTerminal } from './child.mjs';
import { root } from './paths.mjs';

const checks = [
  { name: 'biome check', bin: 'biome', args: ['check', '.'] },
  { name: 'knip', bin: 'knip', args: [] },
];

/**
 * Runs every check on this terminal, all of them even when one fails.
 * @param {string[]} biomeArgs added to biome's command line
 * @returns {Promise<string[]>} the names of those that failed
 */
export async function runChecks(biomeArgs = []) {
  const failed = [];
  for (const { name, bin, args } of checks) {
    const all = bin === 'biome' ? [...args, ...biomeArgs] : args;
    if ((await runInTerminal(join(root, 'node_modules', '.bin', bin), all)) !== 0) failed.push(name);
  }
  return failed;
}
