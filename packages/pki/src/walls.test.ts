/** What this package may lean on: nothing of the host, and node-forge in one file, loaded on first use. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const sources = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => ({ file, text: readFileSync(new URL(file, import.meta.url), 'utf8') }));

/** Modules that a source needs at run time; `import type` costs nothing. */
function modulesOf(text: string): string[] {
  const imports = text.matchAll(
    /^(?:import|export) (?!type\b)[^;]*?from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm,
  );
  return [...imports].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

test('the package uses node:crypto, node:util, zod and node-forge, and nothing else of the world', () => {
  const outside = sources.flatMap(({ text }) => modulesOf(text)).filter((module) => !module.startsWith('./'));
  expect([...new Set(outside)].sort()).toEqual(['node-forge/lib/asn1.js', 'node:crypto', 'node:util', 'zod']);
});

test('node-forge is loaded in one place, and only when a certificate or request is built', () => {
  const users = sources.filter(
    ({ file, text }) =>
      file !== 'forge-asn1.d.ts' && modulesOf(text).some((name) => name.startsWith('node-forge')),
  );
  expect(users.map(({ file }) => file)).toEqual(['der-write.ts']);
  expect(users[0]?.text).toMatch(/import\('node-forge\/lib\/asn1\.js'\)/);
  expect(users[0]?.text).not.toMatch(/^import (?!type)[^;]*'node-forge/m);
});
