// npm run package: etcd-agent and etcd-coordinator as .deb and .rpm, in packaging/out/. What has not changed is not made
// again. `--lint` has rpmlint and lintian judge them, which takes some minutes: exit code 1 where they find what is not waived.
// Options, for tests: --version X.Y.Z, --out FOLDER, --package NAME, --level 0..9 (of gzip).
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPackages, levelDefault, outDefault } from '../packaging/build.mjs';
import { lint, linters } from '../packaging/check.mjs';
import { packages } from '../packaging/packages.mjs';
import { sourceDate } from '../packaging/source-date.mjs';
import { packers, requireTools } from '../packaging/tools.mjs';
import { build } from './setup/build.mjs';
import { installDependencies } from './setup/dependencies.mjs';
import { Failure, runScript } from './setup/failure.mjs';
import { withLock } from './setup/lock.mjs';
import { checkNode } from './setup/node-version.mjs';
import { cache, root, scratch } from './setup/paths.mjs';

await runScript(async () => {
  checkNode();
  const options = readOptions();
  const found = [];
  await withLock(cache, async () => {
    rmSync(scratch, { recursive: true, force: true });
    await requireTools(options.lint ? { ...packers, ...linters } : packers);
    await installDependencies();
    await build();
    const release = { version: options.version, seconds: await sourceDate() };
    const files = await buildPackages({ ...options, release });
    for (const file of files) {
      const mebibytes = (statSync(file).size / 1024 ** 2).toFixed(1);
      console.log(`${file} (${mebibytes} MiB)`);
      if (options.lint) found.push(...(await lint(file)));
    }
  });
  for (const line of found) console.log(line);
  if (options.lint && found.length === 0) console.log('rpmlint and lintian find nothing that is not waived');
  return found.length === 0 ? 0 : 1;
});

function readOptions() {
  const { version: own } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const string = { type: 'string' };
  try {
    const { values } = parseArgs({
      options: {
        version: string,
        out: string,
        package: string,
        level: string,
        lint: { type: 'boolean', default: false },
      },
    });
    const { version = own, out = outDefault, package: only, level = String(levelDefault) } = values;
    const known = only === undefined || packages.some(({ name }) => name === only);
    if (!/^\d+\.\d+\.\d+$/.test(version) || !/^\d$/.test(level) || !known)
      throw new Error('a value is not of its option');
    const wanted = packages.filter(({ name }) => only === undefined || name === only);
    return { version, out: resolve(out), level: Number(level), wanted, lint: values.lint };
  } catch (error) {
    throw new Failure({
      what: error.message,
      where: process.argv.slice(2).join(' '),
      next: 'npm run package',
    });
  }
}
