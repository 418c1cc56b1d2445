// What V8 has compiled of a bundle in one run is kept beside it for the next: a fifth of the CPU of a command.
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';

const digestBytes = 32;

/**
 * Runs a file as `require` does. It has no `import()` in it: a script whose code was kept loses how it imports (Node 20).
 * @param {string} file a bundle, whole in itself
 * @param {number} [codeBytesMin] what less is compiled by the end was no run of much use to the next
 */
export function runBundle(file, codeBytesMin = 1_000_000) {
  const source = readFileSync(file);
  // Of this V8 with these flags: another one refuses it.
  const codeFile = `${file}-${cachedDataVersionTag().toString(16)}.code`;
  const cachedData = readCode(codeFile, source);
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source.toString('utf8')}\n})`,
    { filename: file, cachedData },
  );
  if ((cachedData === undefined || script.cachedDataRejected) && isWritable(dirname(file)))
    process.once('exit', () => keepCode(codeFile, source, script, codeBytesMin));
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
}

/** Undefined: none that is this source's, and whole. V8 itself compares how long the source is, and does not look at the code's bytes. */
function readCode(file, source) {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(digestBytes);
    return digestOf(source, code).equals(bytes.subarray(0, digestBytes)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function keepCode(file, source, script, codeBytesMin) {
  const half = `${file}.${process.pid}`;
  try {
    const code = script.createCachedData();
    if (code.length < codeBytesMin) return;
    writeFileSync(half, Buffer.concat([digestOf(source, code), code]));
    renameSync(half, file);
  } catch {
    // The next run is as quick as this one was.
    rmSync(half, { force: true });
  }
}

function digestOf(source, code) {
  return createHash('sha256').update(source).update(code).digest();
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
