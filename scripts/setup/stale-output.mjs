// Two things `tsc -b` does not notice, both of which make a run pass or fail for reasons that are not in the sources:
// the output of a source that was deleted stays in dist (a removed test goes on being importable), and output that was
// deleted is not made again while the .tsbuildinfo says it is up to date.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './paths.mjs';

const emitted = /\.(?:js|js\.map|d\.ts|d\.ts\.map)$/;

/** Removes output without a source, and the build information of a project that lacks some of its output. */
export function reconcileOutput(checkout = root) {
  const { references } = readJson(join(checkout, 'tsconfig.json'));
  for (const { path } of references) reconcileProject(join(checkout, path));
}

function reconcileProject(project) {
  const config = join(project, 'tsconfig.json');
  if (!existsSync(config)) return;
  const { rootDir, outDir } = readJson(config).compilerOptions;
  const source = join(project, rootDir);
  const output = join(project, outDir);
  for (const file of filesBelow(output)) {
    const name = relative(output, file);
    if (emitted.test(name) && !existsSync(join(source, name.replace(emitted, '.ts')))) rmSync(file);
  }
  const lacking = filesBelow(source, output).some((file) => {
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) return false;
    return !existsSync(join(output, relative(source, file).replace(/\.ts$/, '.js')));
  });
  if (!lacking) return;
  for (const folder of [project, output]) rmSync(join(folder, 'tsconfig.tsbuildinfo'), { force: true });
}

function filesBelow(folder, except) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return entry.name === 'node_modules' || path === except ? [] : filesBelow(path, except);
  });
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
