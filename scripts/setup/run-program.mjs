// Runs a program of this checkout: its bundle, which is the same in one file and halves the CPU of a start. A package has a start of its
// own (packaging/contents.mjs).
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { root } from './paths.mjs';

/** What less is compiled by then was no run of much use to the next. */
const codeBytesMin = 1_000_000;
const digestLength = 32;

/** How the bundle imports modules; undefined in Node 21 before 21.7. */
const canImport = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;

/** @param {'agent' | 'coordinator'} program */
export async function runProgram(program) {
  quietDeprecation();
  const bundle = join(root, program, 'bundle', 'main.cjs');
  if (canImport !== undefined && isUpToDate(bundle)) runBundle(bundle);
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
 * What V8 has compiled in one run is kept for the next, beside the bundle: a third of the CPU of a start. V8 refuses what another
 * version or other flags of it have made, and compares the length of the source only, and nothing of the code: digests do.
 */
function runBundle(file) {
  const bytes = readFileSync(file);
  const { arch, versions } = process;
  const codeFile = join(dirname(file), `${digestOf(bytes)}-${arch}-${versions.v8}.code`);
  const source = `(function (exports, require, module, __filename, __dirname) {${bytes.toString('utf8')}\n})`;
  const cachedData = readCode(codeFile);
  const script = new vm.Script(source, { filename: file, cachedData, importModuleDynamically: canImport });
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => keepCode(script, codeFile));
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
}

/** Undefined where there is none, or half of it. */
function readCode(file) {
  try {
    const kept = readFileSync(file);
    const code = kept.subarray(digestLength);
    return digestOf(code) === kept.subarray(0, digestLength).toString('latin1') ? code : undefined;
  } catch {
    return undefined;
  }
}

/** A checkout that cannot be written to stays as quick as it was. */
function keepCode(script, file) {
  const half = `${file}.${process.pid}`;
  try {
    accessSync(dirname(file), constants.W_OK);
    const code = script.createCachedData();
    if (code.length < codeBytesMin) return;
    writeFileSync(half, Buffer.concat([Buffer.from(digestOf(code), 'latin1'), code]));
    renameSync(half, file);
  } catch {
    rmSync(half, { force: true });
  }
}

function digestOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex').slice(0, digestLength);
}
