// All packages of a release, made in a folder of their own and put in place together.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/setup/paths.mjs';
import { step } from '../scripts/setup/progress.mjs';
import { contentsOf, partsOf } from './contents.mjs';
import { debName, makeDeb } from './deb.mjs';
import { packages } from './packages.mjs';
import { makeRpm, rpmName } from './rpm.mjs';
import { scriptsOf } from './scripts.mjs';

/** Half of the CPU of gzip's own default for a file three parts in a hundred larger; Debian 11 and EL8 read it. */
export const levelDefault = 4;

const formats = {
  deb: { make: makeDeb, nameOf: debName },
  rpm: { make: makeRpm, nameOf: rpmName },
};

/** `packaging/out`, where others look for packages. */
export const outDefault = join(root, 'packaging', 'out');

/**
 * Makes what is not there yet. Nothing but the packages of this release is left in `out`.
 * @param {{ release: import('./contents.mjs').Release, out?: string, level?: number, wanted?: typeof packages, standIn?: string }} options
 *   `standIn`: a program to put in the place of Node's, for tests
 * @returns {Promise<string[]>} paths
 * @throws {Failure}
 */
export async function buildPackages({
  release,
  out = outDefault,
  level = levelDefault,
  wanted = packages,
  standIn,
}) {
  const planned = [];
  await step('gathering what is in the packages', async () => {
    for (const product of wanted) {
      const parts = await partsOf(product, standIn);
      for (const kind of Object.keys(formats)) {
        const { make, nameOf } = formats[kind];
        const entries = contentsOf(product, kind, release, parts);
        const inputs = fingerprint({ product, kind }, entries, release, level);
        planned.push({ product, kind, make, entries, name: nameOf(product, release), inputs });
      }
    }
  });
  mkdirSync(out, { recursive: true });
  const made = readStamps(out);
  const stale = planned.filter(({ name, inputs }) => made[name] !== inputs || !existsSync(join(out, name)));
  if (stale.length > 0) {
    // Here, and not where other half-made things are: those are thrown away whenever a setup begins.
    const work = join(out, 'making');
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    // Before its bytes change: a build that dies has made nothing that a later one takes for made.
    const kept = Object.entries(made).filter(([name]) => !stale.some((each) => each.name === name));
    writeFileSync(join(out, stampName), JSON.stringify(Object.fromEntries(kept)));
    try {
      await step(`packing ${stale.map(({ name }) => name).join(', ')}`, () =>
        Promise.all(stale.map((each) => pack(each, { release, level, work, out }))),
      );
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const stamps = Object.fromEntries(planned.map(({ name, inputs }) => [name, inputs]));
  if (stale.length > 0) writeFileSync(join(out, stampName), JSON.stringify(stamps, null, 2));
  for (const name of readdirSync(out))
    if (/\.(?:deb|rpm)$/.test(name) && !(name in stamps)) rmSync(join(out, name));
  return planned.map(({ name }) => join(out, name));
}

/** Elsewhere first: a build that dies leaves no half a package where somebody may install it. */
async function pack({ product, kind, make, entries, name }, { release, level, work, out }) {
  const own = join(work, `${product.name}-${kind}`);
  const ready = join(own, 'ready');
  mkdirSync(ready, { recursive: true });
  await make(product, entries, { release, level, work: own, out: ready });
  renameSync(join(ready, name), join(out, name));
}

const stampName = 'made-from.json';

function readStamps(out) {
  try {
    return JSON.parse(readFileSync(join(out, stampName), 'utf8'));
  } catch {
    return {};
  }
}

/** Of everything that decides the bytes of a package, its packing included. */
function fingerprint({ product, kind }, entries, release, level) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([product, kind, release, level, scriptsOf(product, kind)]));
  for (const { path, mode, kind: use, contents } of entries) {
    hash.update(`${path} ${mode} ${use}\n`).update(contents ?? '');
  }
  for (const file of ['deb.mjs', 'rpm.mjs', 'stage.mjs', 'runtime.json'])
    hash.update(readFileSync(join(root, 'packaging', file)));
  return hash.digest('hex');
}
