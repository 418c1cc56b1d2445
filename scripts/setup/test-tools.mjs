// Tools only the tests need: the real cfssl to compare with, and openssl.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './child.mjs';
import { Failure } from './failure.mjs';
import { cache } from './paths.mjs';

const cfsslHome = join(cache, 'cfssl');

/** True when `.cache/cfssl/usr/bin/cfssl` and `cfssljson` are there. */
export function hasCfssl() {
  return ['cfssl', 'cfssljson'].every((name) => existsSync(join(cfsslHome, 'usr', 'bin', name)));
}

/** Unpacks cfssl into `.cache/cfssl`. @param {{ unpack(suite: string, packages: string[]): Promise<string> }} packages */
export async function addCfssl(packages, suite) {
  const files = await packages.unpack(suite, ['golang-cfssl']);
  mkdirSync(cache, { recursive: true });
  rmSync(cfsslHome, { recursive: true, force: true });
  renameSync(files, cfsslHome);
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
