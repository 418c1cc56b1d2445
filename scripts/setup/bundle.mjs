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
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure.mjs';
import { root } from './paths.mjs';
import { step } from './progress.mjs';

// What a program still finds in node_modules, so it must be a dependency of its own: etcd3 reads .proto files beside
// itself, the agent package finds its bin/ from where it is, and the last two are only loaded for a person at a terminal.
const programs = {
  agent: ['etcd3'],
  coordinator: ['etcd3', '@etcd-agent/agent', 'listr2', 'cli-table3'],
};

// pino, ws and others are CommonJS and call require for modules of Node, which an ES module does not have.
const requireForCommonJs = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
].join('\n');

/** Makes `agent/bundle/` and `coordinator/bundle/` unless they are those of the present dist. @throws {Failure} */
export async function bundle() {
  const inputs = fingerprint();
  const stale = Object.keys(programs).filter((program) => !isMadeFrom(program, inputs));
  if (stale.length === 0) return;
  await step('bundling (esbuild)', async () => {
    for (const program of stale) install(program, await makeBundle(program), inputs);
  });
}

/** @returns {Promise<{ path: string, contents: Uint8Array }[]>} nothing is written yet */
async function makeBundle(program) {
  // Only here: this file is also loaded before anything has been installed.
  const { build } = await import('esbuild');
  const options = {
    entryPoints: [join(root, program, 'dist', 'main.js')],
    outdir: folderOf(program),
    // Commands stay files of their own, loaded when they are asked for. All lie flat in bundle/, which is beside dist/:
    // paths such as ../package.json are right from both.
    splitting: true,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: programs[program],
    banner: { js: requireForCommonJs },
    legalComments: 'none',
    logLevel: 'silent',
  };
  try {
    return (await build(options)).outputFiles;
  } catch (error) {
    throw new Failure({
      what: `the ${program} could not be bundled`,
      where: 'esbuild',
      cause: error.message,
      next: 'npm run build',
    });
  }
}

/**
 * Puts a bundle in place under programs that may be running. Names of chunks are hashes of their contents, so new ones
 * disturb nobody, and main.js, which comes last, changes over by one rename. The chunks of the bundle before stay until
 * the next one, for a running program that has not yet loaded all of its own.
 */
function install(program, outputs, inputs) {
  const folder = folderOf(program);
  const before = readStamp(program)?.files ?? [];
  const isMain = ({ path }) => basename(path) === 'main.js';
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of outputs.toSorted((a, b) => isMain(a) - isMain(b))) {
    writeFileSync(`${path}.new`, contents);
    renameSync(`${path}.new`, path);
  }
  const files = outputs.map(({ path }) => basename(path));
  writeFileSync(stampOf(program), JSON.stringify({ inputs, files }));
  const kept = new Set([...files, ...before, basename(stampOf(program))]);
  for (const name of readdirSync(folder)) if (!kept.has(name)) rmSync(join(folder, name));
}

function isMadeFrom(program, inputs) {
  const stamp = readStamp(program);
  return stamp?.inputs === inputs && stamp.files.every((name) => existsSync(join(folderOf(program), name)));
}

/** Of everything that decides what is in a bundle. tsc writes or touches a .tsbuildinfo whenever it has looked at a change. */
function fingerprint() {
  const hash = createHash('sha256');
  // The lockfile names the versions of all that is bundled, and of esbuild.
  for (const file of [join(root, 'pnpm-lock.yaml'), fileURLToPath(import.meta.url)])
    hash.update(readFileSync(file));
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  for (const project of [...Object.keys(programs), ...packages]) {
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
  return join(folderOf(program), 'made-from.json');
}

function folderOf(program) {
  return join(root, program, 'bundle');
}
