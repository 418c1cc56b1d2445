/**
 * From a received file to the etcd in use. Everything is made under `incoming/` and renamed in one piece; then one link
 * changes over. A power cut leaves the etcd that was in use before or the new one, and the next run finishes.
 *
 *     etcds/3.5.30/{etcd,etcdctl,etcdutl,source.json}     0755, never changed once it is there
 *     etcds/current -> 3.5.30                             what the unit's command line goes through
 *     etcds/incoming/                                     0700, emptied at the end
 */
import { join } from 'node:path';
import {
  describeResult,
  FileError,
  type Files,
  type Logger,
  runProgram,
  sha256OfFile,
  switchLink,
} from '@etcd-agent/platform';
import { Fault, type InstalledFile, installedFileSchema } from '@etcd-agent/protocol';
import { factsOf } from '../etcd-program.js';
import { partOf } from '../incoming.js';
import { optionalText } from '../optional-text.js';
import { elfArchitecture, elfHeadBytes } from './elf.js';
import { incomingDirectory } from './receive.js';
import { UnpackError, unpackEtcd } from './unpack.js';

const sourceName = 'source.json';
const relabelMsMax = 30_000;

export interface FileInstall {
  readonly files: Files;
  readonly log: Logger;
  readonly etcds: string;
  readonly sha256: string;
  /** Runs the last step alone, where nothing may have begun to run meanwhile; throws where it may not be done any more. */
  readonly whenFree: (change: () => Promise<void>) => Promise<void>;
}

/** What the version in use was installed from; undefined where none is, or it is not ours. */
export async function installedFile(files: Files, etcds: string): Promise<InstalledFile | undefined> {
  const text = await optionalText(files, join(etcds, 'current', sourceName));
  // One without its program is to be installed again.
  if (text === undefined || !(await files.exists(join(etcds, 'current', 'etcd')))) return undefined;
  try {
    return installedFileSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Throws a Fault for a file that is not what it should be. It is removed then: it would not be another one the next time. */
export async function installFile(install: FileInstall): Promise<InstalledFile> {
  const { files, etcds, sha256 } = install;
  const part = partOf(incomingDirectory(etcds), sha256);
  const unpacked = join(incomingDirectory(etcds), 'unpacked');
  try {
    await verify(install, part);
    await files.removeTree(unpacked);
    await files.makeDirectory(unpacked, { mode: 0o755 });
    await unpack(part, unpacked);
    const version = await versionOf(files, unpacked);
    const source: InstalledFile = { version, sha256 };
    // Last: with it the directory is whole, and synced.
    await files.writeAtomic(join(unpacked, sourceName), `${JSON.stringify(source)}\n`, { mode: 0o644 });
    const name = await publish(install, unpacked, source);
    await relabel(install);
    await install.whenFree(() => switchLink(join(etcds, 'current'), name));
    await files.removeTree(incomingDirectory(etcds));
    return source;
  } catch (error) {
    if (error instanceof Fault && error.kind !== 'failed') throw error;
    // Room for whatever comes next; what can be used again is only a file that is still being received.
    await files.removeTree(unpacked).catch(() => {});
    if (error instanceof Fault) await files.remove(part).catch(() => {});
    throw error;
  }
}

async function verify({ files, sha256 }: FileInstall, part: string): Promise<void> {
  if (!(await files.exists(part)))
    throw new Fault('refused', 'this file was not sent, or it is installed', 'run the same command again');
  const found = await sha256OfFile(part);
  if (found === sha256) return;
  throw new Fault(
    'failed',
    `what arrived has the SHA-256 ${found}, not ${sha256}`,
    'run the same command again: the file is sent anew',
  );
}

async function unpack(part: string, into: string): Promise<void> {
  try {
    await unpackEtcd(part, into);
  } catch (error) {
    if (error instanceof UnpackError)
      throw new Fault('failed', `the file cannot be used: ${error.message}`, wrongFile, { cause: error });
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
    throw new FileError('unpack into', into, code, message, error);
  }
}

/** What the unpacked etcd says of itself, once it is known that it can run here at all. */
async function versionOf(files: Files, directory: string): Promise<string> {
  const etcd = join(directory, 'etcd');
  const built = elfArchitecture(await files.readHead(etcd, elfHeadBytes));
  if (built !== process.arch)
    throw new Fault(
      'failed',
      `its etcd is built for ${built ?? 'no Linux'}, this host is ${process.arch}`,
      wrongFile,
    );
  const facts = await factsOf(etcd);
  if (facts.kind === 'found') return facts.version;
  throw new Fault(
    'failed',
    `its etcd does not run here: ${facts.kind === 'broken' ? facts.why : 'it is gone'}`,
    wrongFile,
  );
}

const wrongFile =
  "name another file in the topology: a .tar.gz of etcd's releases for Linux, or an etcd program";

/** Renames the finished directory to its version. Where another file of that version is there, its name says which it is. */
async function publish(
  { files, etcds }: FileInstall,
  unpacked: string,
  { version, sha256 }: InstalledFile,
): Promise<string> {
  for (const name of [version, `${version}-${sha256.slice(0, 12)}`]) {
    const path = join(etcds, name);
    if (!(await files.exists(path))) {
      await files.move(unpacked, path);
      return name;
    }
    const there = await optionalText(files, join(path, sourceName));
    if (there?.includes(sha256) === true) return name;
  }
  throw new Fault(
    'refused',
    `${join(etcds, version)} is there and was not made by this agent`,
    `look at it, then move it away`,
  );
}

/** Where SELinux is on, what was made elsewhere and renamed keeps the label of where it was made. */
async function relabel({ files, log, etcds }: FileInstall): Promise<void> {
  if (!(await files.exists('/sys/fs/selinux/enforce'))) return;
  const result = await runProgram('restorecon', ['-R', etcds], { timeoutMs: relabelMsMax });
  if (result.kind !== 'exited' || result.code !== 0)
    log.warn({ path: etcds, why: describeResult('restorecon', result) }, 'SELinux labels could not be set');
}
