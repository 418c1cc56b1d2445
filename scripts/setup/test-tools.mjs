// Tools only the tests need: the real cfssl to compare with, a clock that is wrong, and openssl.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './child.mjs';
import { Failure } from './failure.mjs';
import { cache } from './paths.mjs';

const cfsslHome = join(cache, 'cfssl');
const faketimeHome = join(cache, 'faketime');

/** True when `.cache/cfssl/usr/bin/cfssl` and `cfssljson` are there. */
export function hasCfssl() {
  return ['cfssl', 'cfssljson'].every((name) => existsSync(join(cfsslHome, 'usr', 'bin', name)));
}

/** Unpacks cfssl into `.cache/cfssl`. @param {{ unpack(suite: string, packages: string[]): Promise<string> }} packages */
export async function addCfssl(packages, suite) {
  moveInto(cfsslHome, await packages.unpack(suite, ['golang-cfssl']));
}

/** True when libfaketime is there: tests start an agent under it, to see what a wrong clock does. */
export function hasFaketime() {
  const libraries = join(faketimeHome, 'usr', 'lib');
  return (
    existsSync(libraries) &&
    readdirSync(libraries).some((triplet) =>
      existsSync(join(libraries, triplet, 'faketime', 'libfaketime.so.1')),
    )
  );
}

/** Unpacks libfaketime into `.cache/faketime`. */
export async function addFaketime(packages, suite) {
  moveInto(faketimeHome, await packages.unpack(suite, ['libfaketime']));
}

function moveInto(home, files) {
  mkdirSync(cache, { recursive: true });
  rmSync(home, { recursive: true, force: true });
  renameSync(files, home);
}

/** @throws {Failure} when there is no openssl */
export async function checkOpenssl() {
  const result = await capture('openssl', ['version']).catch(() => undefined);
  if (result?.code === 0) return;
  throw new Failure({
    what: 'the tests need openssl, and it is not on this machine',
    where: 'openssl version',
    next: 'sudo apt-get install openssl (or the same with your package manager)',
  });
}
