// The oldest Node these packages run on, the same as "engines" in package.json.
import { Failure } from './failure.mjs';

/** @throws {Failure} when this Node is older than 20.19 */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Failure({
    what: `Node ${version} is too old: this project needs Node 20.19 or newer`,
    where: process.execPath,
    next: 'install a current Node 20 (or 22, 24), check with: node --version',
  });
}
