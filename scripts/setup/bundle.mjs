// One bundle per program, made by esbuild from what `tsc -b` wrote. A program loads hundreds of small files otherwise, and
// finding them is half of the CPU of its start. Only bin/ loads a bundle; tests and other packages go on using dist.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bundleProgram } from './esbuild.mjs';
import { root } from './paths.mjs';
import { step } from './progress.mjs';

const programs = ['agent', 'coordinator'];

/** Makes `agent/bundle/` and `coordinator/bundle/` unless they are those of the present dist. @throws {Failure} */
export async function bundle() {
  const inputs = fingerprint();
  const stale = programs.filter((program) => !isMadeFrom(program, inputs));
  if (stale.length === 0) return;
  await step('bundling (esbuild)', async () => {
    for (const program of stale) {
      const { files } = await bundleProgram(program, 'node20');
      install(program, files, inputs);
    }
  });
}

/** Puts a bundle in place under programs that may be running: each file changes over by one rename. */
function install(program, files, inputs) {
  const own = join(root, program);
  for (const { path, contents } of files) {
    const file = join(own, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, contents);
    renameSync(`${file}.new`, file);
  }
  const made = files.map(({ path }) => path);
  writeFileSync(stampOf(program), JSON.stringify({ inputs, files: made }));
  // Of bundles before.
  const kept = [...made.map((path) => basename(path)), basename(stampOf(program))];
  for (const name of readdirSync(join(own, 'bundle')))
    if (!kept.includes(name)) rmSync(join(own, 'bundle', name), { force: true });
}

function isMadeFrom(program, inputs) {
  const stamp = readStamp(program);
  return stamp?.inputs === inputs && stamp.files.every((path) => existsSync(join(root, program, path)));
}

/** Of everything that decides what is in a bundle. tsc writes or touches a .tsbuildinfo whenever it has looked at a change. */
function fingerprint() {
  const hash = createHash('sha256');
  // The lockfile names the versions of all that is bundled, and of esbuild.
  const recipe = ['bundle.mjs', 'esbuild.mjs'].map((name) => join(import.meta.dirname, name));
  for (const file of [join(root, 'pnpm-lock.yaml'), ...recipe]) hash.update(readFileSync(file));
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  for (const project of [...programs, ...packages]) {
    const info = statSync(join(root, project, 'tsconfig.tsbuildinfo'), { throwIfNoEntry: false });
    hash.update(`${project} ${info?.mtimeMs} ${info?.size}\n`);
  }
  return hash.digest('hex');
}

function readStamp(program) {
  try {
    return JSON.parse(readFileSync(stampOf(program), 'utf8'));
  } catch {
    return undefined;
  }
}

function stampOf(program) {
  return join(root, program, 'bundle', 'made-from.json');
}
