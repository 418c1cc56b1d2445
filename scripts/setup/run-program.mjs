// Runs a program of this checkout: its bundle, which is the same in one file and halves the CPU of a start. A package has a start of its
// own (packaging/contents.mjs).
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { root } from './paths.mjs';

/** What less is compiled by then was no run of much use to the next. */
const codeBytesMin = 1_000_000;

/** @param {'agent' | 'coordinator'} program */
export async function runProgram(program) {
  quietDeprecation();
  const bundle = join(root, program, 'bundle', 'main.cjs');
  if (isUpToDate(bundle)) runBundle(bundle);
  else await import(pathToFileURL(join(root, program, 'dist', 'main.js')).href);
}

/**
 * grpc-js passes an IP address as TLS server name, which Node remarks on once per process (DEP0123). The connection is
 * checked against the address all the same; an operator could do nothing about the remark.
 */
function quietDeprecation() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (!rest.includes('DEP0123')) emitWarning.call(process, warning, ...rest);
  };
}

/**
 * `npm run build` makes the bundle after the compiler. Who ran only the compiler must not be shown yesterday's program, so a
 * bundle that is older than what the compiler last said of any project is passed over. In doubt the answer is no: dist is
 * slower, and always right.
 */
function isUpToDate(bundle) {
  try {
    const madeMs = statSync(bundle).mtimeMs;
    const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
    return ['agent', 'coordinator', ...packages].every((project) => {
      const compiled = join(root, project, 'tsconfig.tsbuildinfo');
      return (statSync(compiled, { throwIfNoEntry: false })?.mtimeMs ?? 0) <= madeMs;
    });
  } catch {
    return false;
  }
}

/**
 * What V8 has compiled in one run is kept for the next, beside the bundle: a third of the CPU of a start. It is that of these very
 * bytes, by their digest (V8 itself compares their length only), and V8 refuses what another version of it has made.
 */
function runBundle(file) {
  const bytes = readFileSync(file);
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
  const codeFile = join(dirname(file), `${digest}-${process.version}.code`);
  const source = `(function (exports, require, module, __filename, __dirname) {${bytes.toString('utf8')}\n})`;
  const cachedData = readIfThere(codeFile);
  const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const script = new vm.Script(source, { filename: file, cachedData, importModuleDynamically });
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => keepCode(script.createCachedData(), codeFile));
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function keepCode(code, file) {
  if (code.length < codeBytesMin) return;
  try {
    const half = `${file}.${process.pid}`;
    writeFileSync(half, code);
    renameSync(half, file);
  } catch {
    // A checkout that cannot be written to is as quick as it was.
  }
}
