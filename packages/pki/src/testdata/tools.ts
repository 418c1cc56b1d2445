/** The real openssl and cfssl, run in a scratch directory; not part of the package. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const repositoryRoot = fileURLToPath(new URL('../../../../', import.meta.url));
const cfsslPath = resolve(repositoryRoot, process.env.ETCD_AGENT_TEST_CFSSL ?? '.cache/cfssl/usr/bin/cfssl');

const dir = mkdtempSync(join(tmpdir(), 'pki-interop-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Writes a scratch file and gives its path. */
export function file(name: string, content: string | object): string {
  const path = join(dir, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

export function readFile(name: string): string {
  return readFileSync(join(dir, name), 'utf8');
}

/** Runs openssl in the scratch directory; its output, or an error with what it said. */
export function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
}

/** Runs cfssl in the scratch directory and gives the JSON that it prints. */
export function cfssl(...args: string[]): Record<string, unknown> {
  return JSON.parse(cfsslText(...args));
}

export function cfsslText(...args: string[]): string {
  if (!existsSync(cfsslPath)) {
    throw new Error(`no cfssl at ${cfsslPath}; make it with: node scripts/setup.mjs --test`);
  }
  return execFileSync(cfsslPath, args, { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
}

/** A CA and a leaf as the runbook makes them: `gencert -initca`, then `gencert` with a configuration. */
export function gencert(files: { caCsr: string; config: string; csr: string; profile?: string }) {
  const ca = cfssl('gencert', '-initca=true', file('ca.json', files.caCsr)) as { cert: string; key: string };
  const leaf = cfssl(
    ...['gencert', '-ca', file('ca.pem', ca.cert), '-ca-key', file('ca-key.pem', ca.key)],
    ...['-config', file('config.json', files.config), ...(files.profile ? ['-profile', files.profile] : [])],
    file('csr.json', files.csr),
  ) as { cert: string; key: string; csr: string };
  return { ca, leaf };
}
