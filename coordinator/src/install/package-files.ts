/** The package files that an operator names: their names say what they are, their first bytes must agree. */
import { basename, resolve } from 'node:path';
import { linuxFiles, sha256OfFile } from '@etcd-agent/platform';
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
  const absolute = resolve(path);
  const start = magic[name.kind];
  try {
    if (!start.equals(await linuxFiles.readHead(absolute, start.length)))
      return `${path}: it is no .${name.kind}`;
    return { ...name, path: absolute, sha256: await sha256OfFile(absolute) };
  } catch (error) {
    return `${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}
