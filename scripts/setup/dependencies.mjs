// node_modules, exactly as the lockfile says. A stamp beside it makes the second run a matter of reading a few files.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.mjs';
import { cache, root } from './paths.mjs';
import { findPnpm } from './pnpm.mjs';
import { step } from './progress.mjs';

const stampFile = join(cache, 'dependencies.stamp');

/** Runs `pnpm install --frozen-lockfile` unless node_modules already is what the lockfile and manifests ask for. */
export async function installDependencies() {
  const wanted = fingerprint();
  if (isInstalled() && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  // Away first: an install that is interrupted must not look finished to the next run.
  rmSync(stampFile, { force: true });
  const pnpm = await findPnpm();
  const options = [
    '--frozen-lockfile',
    '--reporter=append-only',
    // Otherwise pnpm asks a question when node_modules was made differently, and nobody can answer.
    '--config.confirmModulesPurge=false',
    // pnpm's own pauses between attempts keep a person without network waiting for over a minute.
    '--config.fetch-retry-mintimeout=1000',
    '--config.fetch-retry-maxtimeout=5000',
  ];
  await step('installing dependencies (pnpm install --frozen-lockfile)', () =>
    run(pnpm.command, [...pnpm.args, 'install', ...options], {
      log: 'pnpm-install',
      what: 'the dependencies could not be installed',
      next: 'run the same command again',
    }),
  );
  writeFileSync(stampFile, wanted);
}

function isInstalled() {
  return existsSync(join(root, 'node_modules', '.modules.yaml'));
}

/** Everything that decides what belongs in node_modules; Node's version because native add-ons are picked by it. */
function fingerprint() {
  const hash = createHash('sha256').update(`node ${process.version} ${process.arch}\n`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests()]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

function manifests() {
  const folders = ['.', ...subfolders('.'), ...subfolders('packages')];
  return folders.map((folder) => join(folder, 'package.json')).filter((file) => existsSync(join(root, file)));
}

function subfolders(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
    .map((entry) => join(folder, entry.name))
    .sort();
}
