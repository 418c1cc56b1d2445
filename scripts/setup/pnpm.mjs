// pnpm, in the exact version that package.json names, without touching anything outside the checkout.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture, run } from './child.mjs';
import { Failure } from './failure.mjs';
import { cache, root, scratch } from './paths.mjs';
import { step } from './progress.mjs';

/**
 * The command that runs pnpm: the one in `.cache/pnpm`, one on PATH if it has the exact version, or a new one that npm
 * puts into `.cache/pnpm`.
 * @returns {Promise<{ command: string, args: string[] }>}
 */
export async function findPnpm() {
  const version = wantedVersion();
  const home = join(cache, 'pnpm');
  const entry = join(home, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs');
  if (installedVersion(home) === version) return { command: process.execPath, args: [entry] };
  // Asked outside the checkout: inside it a pnpm of another version would fetch the wanted one for itself.
  const onPath = await capture('pnpm', ['--version'], { cwd: '/' }).catch(() => undefined);
  if (onPath?.code === 0 && onPath.stdout.trim() === version) return { command: 'pnpm', args: [] };
  await step(`installing pnpm ${version} into .cache`, () => install(version, home));
  return { command: process.execPath, args: [entry] };
}

function wantedVersion() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const version = /^pnpm@(\d+\.\d+\.\d+)/.exec(packageManager ?? '')?.[1];
  if (version) return version;
  throw new Failure({
    what: 'package.json does not name a pnpm version in "packageManager"',
    where: 'package.json',
  });
}

function installedVersion(home) {
  const manifest = join(home, 'node_modules', 'pnpm', 'package.json');
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined;
}

async function install(version, home) {
  const half = join(scratch, 'pnpm');
  mkdirSync(half, { recursive: true });
  // npm's own pauses between attempts keep a person without network waiting for over a minute.
  const quiet = [
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
  ];
  await run('npm', ['install', '--prefix', half, ...quiet, `pnpm@${version}`], {
    cwd: half,
    log: 'npm-install-pnpm',
    what: `npm could not install pnpm ${version}`,
    next: 'run the same command again',
  });
  rmSync(home, { recursive: true, force: true });
  renameSync(half, home);
}
