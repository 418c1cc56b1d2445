/** The package files that an operator names: their names say what they are, their first bytes must agree. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Failure } from '../failure.js';
import { readPackageName } from './plan/package-name.js';
import type { LocalPackage } from './plan/plan.js';

const magic = { deb: Buffer.from('!<arch>\n'), rpm: Buffer.from([0xed, 0xab, 0xee, 0xdb]) } as const;

/** Throws Failure (usage) with everything that is wrong. */
export async function readPackageFiles(paths: readonly string[]): Promise<readonly LocalPackage[]> {
  const readings = await Promise.all(paths.map(readPackageFile));
  const problems = readings.flatMap((reading) => (typeof reading === 'string' ? [reading] : []));
  const files = readings.flatMap((reading) => (typeof reading === 'string' ? [] : [reading]));
  const kinds = new Set(files.map(({ kind, machine }) => `${kind} ${machine}`));
  if (kinds.size < files.length) problems.push('two of these are for the same hosts');
  if (problems.length === 0) return files;
  throw new Failure({
    exit: 'usage',
    what: 'these packages cannot be used',
    where: problems,
    next: '--package with etcd-agent_VERSION_ARCH.deb and etcd-agent-VERSION-RELEASE.ARCH.rpm, named as they were built',
  });
}

async function readPackageFile(path: string): Promise<LocalPackage | string> {
  const name = readPackageName(basename(path));
  if (name === undefined) return `${path}: it is not named as a package of etcd-agent`;
  const hash = createHash('sha256');
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (head.length === 0) head = Buffer.from(chunk.subarray(0, magic[name.kind].length));
      hash.update(chunk);
    }
  } catch (error) {
    return `${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  if (!head.equals(magic[name.kind])) return `${path}: it is no .${name.kind}`;
  return { ...name, path: resolve(path), sha256: hash.digest('hex') };
}
