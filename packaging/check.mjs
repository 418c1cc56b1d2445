// rpmlint and lintian over packages. Whatever they say and is not waived, with its reason, in packaging/waivers/ is an error.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../scripts/setup/child.mjs';
import { cache, root } from '../scripts/setup/paths.mjs';

/** Program and Debian package of it. */
export const linters = { lintian: 'lintian', rpmlint: 'rpmlint' };

const rpmlintConfig = join(root, 'packaging', 'waivers', 'rpmlint.toml');

/**
 * Lints one package. lintian reads a runtime of a hundred megabytes for the better part of a minute, so what was found in
 * these very bytes, with these waivers, is kept.
 * @param {string} file .deb or .rpm
 * @returns {Promise<string[]>} one line for each thing that is not waived
 */
export async function lint(file) {
  const known = join(cache, 'lint', `${fingerprint(file)}.json`);
  if (existsSync(known)) return JSON.parse(readFileSync(known, 'utf8'));
  const findings = await (file.endsWith('.deb') ? lintDeb(file) : lintRpm(file));
  mkdirSync(join(cache, 'lint'), { recursive: true });
  writeFileSync(known, JSON.stringify(findings));
  return findings;
}

async function lintDeb(file) {
  // An override that overrides nothing is said as information: it is a waiver whose reason has gone.
  const args = ['--allow-root', '--no-cfg', '--tag-display-limit', '0', '--display-info', file];
  const { output } = await capture('lintian', args, { niceness: 10 });
  const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('N:'));
  return lines.filter((line) => !line.startsWith('I:') || / (?:unused|mismatched)-override /.test(line));
}

async function lintRpm(file) {
  const { output, code } = await capture('rpmlint', ['--config', rpmlintConfig, file], { niceness: 10 });
  const lines = output.split('\n').filter((line) => /: [EW]: /.test(line));
  return lines.length === 0 && code !== 0 ? [output] : lines;
}

function fingerprint(file) {
  const hash = createHash('sha256').update(readFileSync(file)).update(readFileSync(rpmlintConfig));
  return hash.update(readFileSync(new URL(import.meta.url))).digest('hex');
}
