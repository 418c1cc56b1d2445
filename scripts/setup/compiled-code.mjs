// What V8 has compiled of a bundle in one run is kept beside it for the next: a third of the CPU of a command.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** What less is compiled by then was no run of much use to the next. */
const codeBytesMin = 1_000_000;
const digestBytes = 32;

/**
 * Runs a file as `require` does. It has no `import()` in it: a script whose code was kept loses how it imports (Node 20).
 * @param {string} file a bundle, whole in itself
 */
export function runBundle(file) {
  const { source, codeFile } = open(file);
  const cachedData = readCode(codeFile);
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
    filename: file,
    cachedData,
  });
  // V8 refuses what another version of it, or other flags, have made.
  if (cachedData === undefined || script.cachedDataRejected)
    process.once('exit', () => keepCode(codeFile, script.createCachedData()));
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
}

/** Code is that of one version of the file: V8 itself compares only how long the source is. */
function open(file) {
  const fd = openSync(file, 'r');
  try {
    const { mtimeNs, size } = fstatSync(fd, { bigint: true });
    return {
      source: readFileSync(fd, 'utf8'),
      codeFile: `${file}-${mtimeNs}-${size}-${process.version}.code`,
    };
  } finally {
    closeSync(fd);
  }
}

/** V8 does not look whether it is whole; undefined: there is none, or it is not. */
function readCode(file) {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(digestBytes);
    return digestOf(code).equals(bytes.subarray(0, digestBytes)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function keepCode(file, code) {
  if (code.length < codeBytesMin) return;
  const half = `${file}.${process.pid}`;
  try {
    writeFileSync(half, Buffer.concat([digestOf(code), code]));
    renameSync(half, file);
  } catch {
    // A checkout that cannot be written to is as quick as it was.
  }
}

function digestOf(code) {
  return createHash('sha256').update(code).digest();
}
