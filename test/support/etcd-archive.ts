/** An archive of an etcd, as its authors publish it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type EtcdVersion, etcdBinaries } from './etcd-binaries.js';

export interface Archive {
  readonly file: string;
  readonly sha256: string;
}

/** Made in `directory`, hardly compressed: that is quick, and leaves many pieces to be sent. */
export function etcdArchive(directory: string, version: EtcdVersion): Archive {
  const { etcd, etcdctl } = etcdBinaries(version);
  const name = `etcd-v${version}-linux-amd64`;
  const content = join(directory, name);
  mkdirSync(content, { recursive: true });
  copyFileSync(etcd, join(content, 'etcd'));
  copyFileSync(etcdctl, join(content, 'etcdctl'));
  const archive = tarOf(join(directory, `${name}.tar.gz`), directory, name);
  rmSync(content, { recursive: true });
  return archive;
}

/** Of these names in `directory`, links as links. */
export function tarOf(file: string, directory: string, ...names: string[]): Archive {
  execFileSync('tar', ['-I', 'gzip -1', '-cf', file, '-C', directory, ...names]);
  return { file, sha256: sha256Of(file) };
}

function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
