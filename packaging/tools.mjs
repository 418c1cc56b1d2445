// The programs that pack and check packages, and how they are come by: Debian has all of them.
import { capture, run } from '../scripts/setup/child.mjs';
import { Failure } from '../scripts/setup/failure.mjs';
import { step } from '../scripts/setup/progress.mjs';

/** Programs that pack, and the Debian package of each. */
export const packers = { 'dpkg-deb': 'dpkg', rpmbuild: 'rpm' };

/**
 * Installs what is missing of the programs that pack, where this is root on a Debian-like machine.
 * @param {Record<string, string>} programs by name, their Debian package
 * @throws {Failure} naming the command that installs them
 */
export async function requireTools(programs = packers) {
  const missing = new Set();
  for (const [program, name] of Object.entries(programs)) {
    if ((await capture('which', [program]).catch(() => undefined))?.code !== 0) missing.add(name);
  }
  if (missing.size === 0) return;
  const names = [...missing];
  const hasApt = (await capture('which', ['apt-get']).catch(() => undefined))?.code === 0;
  if (process.getuid?.() !== 0 || !hasApt) {
    throw new Failure({
      what: `packages cannot be made here: ${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} missing`,
      where: 'PATH',
      next: `sudo apt-get install --no-install-recommends ${names.join(' ')} (or the same with your package manager)`,
    });
  }
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  await step(`installing ${names.join(', ')} (apt-get)`, async () => {
    const what = `${names.join(' and ')} could not be installed`;
    await run('apt-get', ['update', '-q'], { env, log: 'apt-update-tools', what });
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names], {
      env,
      log: 'apt-install-tools',
      what,
    });
  });
}
