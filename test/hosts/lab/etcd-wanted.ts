/** What an operator says of where etcd comes from, and the command that puts it on hosts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Output } from './commands.js';
import type { Lab } from './lab.js';
import { runDir } from './places.js';

/** The operator's topology says this, in YAML, and the coordinator is told. */
export async function etcdWanted(lab: Lab, install: string): Promise<void> {
  const topology = join(runDir, 'cluster.yaml');
  const text = readFileSync(topology, 'utf8').replace(/^ {2}install:.*\n/m, '');
  writeFileSync(topology, text.replace(/^etcd:\n/m, `etcd:\n  install: ${install}\n`));
  expect(await lab.coordinator(['apply', '-f', topology])).toMatchObject({ code: 0 });
}

interface Row {
  readonly node: string;
  readonly result: string;
  readonly message: string;
}

/** `coordinator etcd install` on these hosts. */
export async function installEtcd(
  lab: Lab,
  ...names: string[]
): Promise<Output & { readonly rows: readonly Row[] }> {
  const output = await lab.coordinator(['etcd', 'install', '-o', 'json', ...names], { timeoutMs: 120_000 });
  const { nodes } = JSON.parse(output.stdout || '{"nodes":[]}') as { nodes: Row[] };
  return { ...output, rows: nodes };
}
