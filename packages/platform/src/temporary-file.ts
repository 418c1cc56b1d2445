/**
 * Names and lifetimes of our temporary files. A name carries the writer's pid, so that what a killed writer left
 * beside a file is recognised and removed by the next one; nobody else's file matches the pattern.
 */
import { randomBytes } from 'node:crypto';
import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const suffix = '.etcd-agent-tmp';

/** Younger files are left alone even when their writer seems gone: it may live in another pid namespace. */
const staleAgeMs = 60_000;

/** A fresh temporary path in the directory of `path`. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}${suffix}`);
}

/** Removes temporaries of `path` whose writer is dead. Best effort: a leftover harms nobody, so errors are not reported. */
export async function removeStaleTemporaries(path: string): Promise<void> {
  const directory = dirname(path);
  const prefix = `.${basename(path)}.`;
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix) || !name.endsWith(suffix)) {
      continue;
    }
    const [pid, random, ...rest] = name.slice(prefix.length, -suffix.length).split('.');
    if (rest.length > 0 || !/^\d+$/.test(pid ?? '') || !/^[0-9a-f]{12}$/.test(random ?? '')) {
      continue;
    }
    const candidate = join(directory, name);
    if (!isAlive(Number(pid)) && (await ageMs(candidate)) > staleAgeMs) {
      await unlink(candidate).catch(() => undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function ageMs(path: string): Promise<number> {
  const status = await stat(path).catch(() => undefined);
  return status === undefined ? 0 : Date.now() - status.mtimeMs;
}
