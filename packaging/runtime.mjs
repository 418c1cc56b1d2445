// The Node that the packages carry: the official Linux build as npm has it, in the version and with the checksum of
// runtime.json. Not a dependency in package.json: only who makes packages needs these hundred megabytes. The build runs on
// glibc 2.28 or newer, which is EL8 and Debian 10.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture, run } from '../scripts/setup/child.mjs';
import { Failure } from '../scripts/setup/failure.mjs';
import { cache, root, scratch } from '../scripts/setup/paths.mjs';
import { step } from '../scripts/setup/progress.mjs';

const pin = JSON.parse(readFileSync(join(root, 'packaging', 'runtime.json'), 'utf8'));

/** Version of Node in the packages, the SHA-256 of its program, and the checksum of the archive it is from. */
export const runtimePin = pin;

/**
 * Fetches the runtime unless it is in the cache.
 * @returns {Promise<{ node: string, licence: string }>} paths of the program and of its licence text
 * @throws {Failure} when it cannot be had, or is not the one that was pinned
 */
export async function runtime() {
  const home = join(cache, 'runtime', pin.version);
  const found = { node: join(home, 'package', 'bin', 'node'), licence: join(home, 'package', 'LICENSE') };
  if (!existsSync(home)) await step(`fetching Node ${pin.version} for the packages`, () => fetchInto(home));
  // It has lain there: half of it may be missing since the power went.
  const digest = createHash('sha256').update(readFileSync(found.node)).digest('hex');
  if (digest !== pin.program) {
    throw new Failure({
      what: `the Node that was fetched for the packages is not what it was: its SHA-256 is ${digest}`,
      where: found.node,
      next: `rm -r ${home}; npm run package`,
    });
  }
  return found;
}

/** Path of the same program, or of this very Node where that one cannot be had or does not run. */
export async function runtimeOrOwn() {
  if (process.arch !== 'x64') return process.execPath;
  try {
    const { node } = await runtime();
    return (await capture(node, ['--version'])).code === 0 ? node : process.execPath;
  } catch {
    return process.execPath;
  }
}

async function fetchInto(home) {
  mkdirSync(scratch, { recursive: true });
  const half = mkdtempSync(join(scratch, 'runtime-'));
  const what = `${pin.package} ${pin.version} could not be fetched`;
  const { stdout } = await run('npm', ['pack', '--silent', `${pin.package}@${pin.version}`], {
    cwd: half,
    log: 'npm-pack-runtime',
    what,
    next: 'run the same command again',
  });
  const archive = join(half, stdout.trim().split('\n').at(-1));
  checkIntegrity(archive);
  const members = ['package/bin/node', 'package/LICENSE'];
  await run('tar', ['-xzf', archive, '--no-same-owner', '-C', half, ...members], {
    log: 'tar-runtime',
    what,
  });
  rmSync(archive);
  mkdirSync(join(cache, 'runtime'), { recursive: true });
  renameSync(half, home);
}

function checkIntegrity(archive) {
  const digest = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (`sha512-${digest}` === pin.integrity) return;
  throw new Failure({
    what: `what the registry has as ${pin.package} ${pin.version} is not what was pinned`,
    where: 'packaging/runtime.json',
    cause: `it has sha512-${digest}`,
    next: 'do not use it; find out why it has changed (npm config get registry)',
  });
}
