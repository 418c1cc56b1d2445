// npm run package: etcd-agent and etcd-coordinator as .deb and .rpm, in packaging/out/. What has not changed is not made
// again. Options, for tests: --version X.Y.Z, --out FOLDER, --kind deb|rpm, --level 0..9 (of gzip).
import { readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPackages, levelDefault, outDefault } from '../packaging/build.mjs';
import { sourceDate } from '../packaging/source-date.mjs';
import { requireTools } from '../packaging/tools.mjs';
import { build } from './setup/build.mjs';
import { installDependencies } from './setup/dependencies.mjs';
import { Failure, runScript } from './setup/failure.mjs';
import { withLock } from './setup/lock.mjs';
import { checkNode } from './setup/node-version.mjs';
import { cache, root } from './setup/paths.mjs';

await runScript(async () => {
  checkNode();
  const options = readOptions();
  await withLock(cache, async () => {
    await requireTools();
    await installDependencies();
    await build();
    const release = { version: options.version, seconds: await sourceDate() };
    const files = await buildPackages({ ...options, release });
    for (const file of files) {
      const mebibytes = (statSync(file).size / 1024 ** 2).toFixed(1);
      console.log(`${relative(process.cwd(), file)} (${mebibytes} MiB)`);
    }
  });
});

function readOptions() {
  const { version: own } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const string = { type: 'string' };
  try {
    const { values } = parseArgs({ options: { version: string, out: string, kind: string, level: string } });
    const { version = own, out = outDefault, kind, level = String(levelDefault) } = values;
    if (!/^\d+\.\d+\.\d+$/.test(version) || !/^\d$/.test(level) || !/^(deb|rpm)$/.test(kind ?? 'deb'))
      throw new Error('a value is not of its option');
    return {
      version,
      out: resolve(out),
      level: Number(level),
      ...(kind === undefined ? {} : { kinds: [kind] }),
    };
  } catch (error) {
    throw new Failure({
      what: error.message,
      where: process.argv.slice(2).join(' '),
      next: 'npm run package',
    });
  }
}
