// npm run bench -- NAME [arguments]: sets up what is missing, then runs bench/NAME.mjs on this terminal.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runInTerminal } from './setup/child.mjs';
import { Failure, runScript } from './setup/failure.mjs';
import { root } from './setup/paths.mjs';
import { prepare } from './setup/prepare.mjs';

const folder = join(root, 'bench');

await runScript(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  const program = join(folder, `${name}.mjs`);
  if (!/^[\w-]+$/.test(name) || !existsSync(program)) throw unknownBenchmark(name);
  const { etcd } = await prepare();
  return runInTerminal(process.execPath, [program, ...args], { env: { ...process.env, ETCD_BIN: etcd } });
});

function unknownBenchmark(name) {
  const names = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.mjs')) : [];
  const known = names.map((file) => file.slice(0, -'.mjs'.length)).join(', ') || 'none yet';
  return new Failure({
    what: name ? `there is no benchmark "${name}"` : 'which benchmark?',
    where: 'bench/',
    next: `npm run bench -- NAME, where NAME is one of: ${known}`,
  });
}
