// Maintainer scripts of a package: the text beside this file, with the shared functions it names put in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/setup/paths.mjs';

/** Text of each script of a package, by name. A line `@let-etcd-start@` stands for the file let-etcd-start.sh. */
export function scriptsOf({ name, scripts }, format) {
  const folder = join(root, 'packaging', name);
  const read = (file) => readFileSync(join(folder, file), 'utf8');
  return Object.fromEntries(
    scripts[format].map((script) => {
      const text = read(`${format}/${script}.sh`);
      return [script, text.replace(/^@([a-z-]+)@\n/gm, (_, shared) => read(`${shared}.sh`))];
    }),
  );
}
