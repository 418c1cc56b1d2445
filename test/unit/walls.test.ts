import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { expect, it } from 'vitest';

// The walls of docs/ARCHITECTURE.md, "Who may import whom", checked over every source file. A tree with a planted breach
// is checked too, at the end: a wall that nothing can hit proves nothing.

const root = resolve(import.meta.dirname, '../..');

interface Source {
  /** Path from the root, with slashes. */
  readonly path: string;
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[];
  readonly text: string;
}

interface Wall {
  readonly name: string;
  /** Which files stand behind it. */
  readonly of: (path: string) => boolean;
  /** Why one file breaks it, or undefined. */
  readonly breach: (source: Source) => string | undefined;
}

const isTest = (path: string) =>
  /\.test\.ts$|\/testdata\/|\/testing\/|\/real-etcd\/|^test\/|^bench\//.test(path);
const inFolder = (folder: string) => (path: string) => path.startsWith(`${folder}/`) && !isTest(path);
const imports = (source: Source, wanted: (from: string) => boolean) =>
  source.imports.filter(({ from }) => wanted(from)).map(({ from }) => from)[0];

const walls: readonly Wall[] = [
  ...['protocol', 'pki', 'etcd', 'platform', 'strict-yaml'].map((name) => ({
    name: `packages/${name} imports nothing of ours`,
    of: inFolder(`packages/${name}`),
    breach: (source: Source) => imports(source, (from) => from.startsWith('@etcd-agent/')),
  })),
  ...['protocol', 'pki', 'etcd'].map((name) => ({
    name: `packages/${name} does no host I/O`,
    of: inFolder(`packages/${name}`),
    breach: (source: Source) =>
      imports(source, (from) => /^node:(fs|net|tls|child_process|http|https|os|process)/.test(from)),
  })),
  {
    name: 'agent does not import coordinator',
    of: inFolder('agent'),
    breach: (source) => imports(source, (from) => from.startsWith('@etcd-agent/coordinator')),
  },
  {
    name: 'coordinator imports agent in the playground only',
    of: (path) => inFolder('coordinator')(path) && !path.startsWith('coordinator/src/playground/'),
    breach: (source) => imports(source, (from) => from.startsWith('@etcd-agent/agent')),
  },
  {
    name: 'nothing reaches into another package by a path',
    of: () => true,
    breach: (source) =>
      imports(source, (from) => /^@etcd-agent\/[^/]+\//.test(from)) ??
      imports(
        source,
        (from) => from.startsWith('.') && packageOf(join(source.path, '..', from)) !== packageOf(source.path),
      ),
  },
  {
    name: 'a plan imports its own folder, packages, and types',
    of: (path) => /\/plan\//.test(path) && !isTest(path),
    breach: (source) =>
      source.imports.find(
        ({ from, typeOnly }) =>
          from.startsWith('node:') ||
          (!typeOnly && !from.startsWith('./') && !/^@etcd-agent\/(protocol|etcd|pki)$/.test(from)),
      )?.from,
  },
  {
    name: 'a plan knows no clock, no chance, no process and never waits',
    of: (path) => /\/plan\//.test(path) && !isTest(path),
    breach: ({ text }) =>
      /\b(Date|Math\.random|process|setTimeout|async|await|Promise|console)\b/.exec(
        withoutComments(text),
      )?.[0],
  },
  onlyIn('node-forge', 'packages/pki/'),
  onlyIn('etcd3', 'packages/etcd/'),
  onlyIn('ws', 'packages/platform/'),
  onlyIn('pino', 'packages/platform/'),
  onlyIn('systeminformation', 'packages/platform/'),
  {
    name: 'systemctl is called in one file',
    of: (path) => !isTest(path) && !path.endsWith('services-systemd.ts'),
    breach: ({ text }) => /'systemctl'/.exec(withoutComments(text))?.[0],
  },
];

function onlyIn(library: string, folder: string): Wall {
  return {
    name: `${library} is used in ${folder} only`,
    of: (path) => !path.startsWith(folder) && !isTest(path),
    breach: (source) => imports(source, (from) => from === library || from.startsWith(`${library}/`)),
  };
}

it('every wall stands', async () => {
  const sources = await sourcesOnce();
  expect(sources.length).toBeGreaterThan(80);
  expect(breaches(sources)).toEqual([]);
});

it.each(walls.map(({ name }) => name))('has something behind it: %s', async (name) => {
  const wall = walls.find((each) => each.name === name)!;
  expect((await sourcesOnce()).filter(({ path }) => wall.of(path)).length).toBeGreaterThan(0);
});

it('sees a breach of each wall', () => {
  const planted: [path: string, text: string][] = [
    ['packages/protocol/src/x.ts', `import { a } from '@etcd-agent/pki';`],
    ['packages/protocol/src/x.ts', `import { a } from 'node:fs';`],
    ['packages/etcd/src/x.ts', `import { a } from 'node:net';`],
    ['agent/src/x.ts', `import { a } from '@etcd-agent/coordinator';`],
    ['coordinator/src/x.ts', `import { a } from '@etcd-agent/agent';`],
    ['agent/src/x.ts', `import { a } from '@etcd-agent/pki/dist/issue.js';`],
    ['agent/src/x.ts', `import { a } from '../../packages/pki/src/issue.js';`],
    ['agent/src/plan/x.ts', `import { a } from '../execute.js';`],
    ['agent/src/plan/x.ts', `import { a } from 'node:path';`],
    ['agent/src/plan/x.ts', 'export const a = Date.now();'],
    ['coordinator/src/bootstrap/plan/x.ts', 'export async function a() {}'],
    ['agent/src/x.ts', `import forge from 'node-forge';`],
    ['agent/src/x.ts', `const etcd3 = await import('etcd3');`],
    ['agent/src/x.ts', `// \u{1f512} é\nconst etcd3 = await import('etcd3');`],
    ['agent/src/plan/x.ts', `export { a } from '../execute.js';`],
    ['agent/src/plan/x.ts', `import { type A } from '../execute.js';`],
    ['agent/src/x.ts', `run('systemctl');`],
  ];
  for (const [path, text] of planted)
    expect(breaches([sourceOf(path, text)]), `${path}: ${text}`).not.toEqual([]);
  expect(
    breaches([sourceOf('agent/src/plan/x.ts', `// Date é\nimport type { A } from '../observe.js';`)]),
  ).toEqual([]);
  expect(breaches([sourceOf('agent/src/plan/x.ts', `export type { A } from '../observe.js';`)])).toEqual([]);
});

function breaches(sources: readonly Source[]): string[] {
  return walls.flatMap((wall) =>
    sources.flatMap((source) => {
      if (!wall.of(source.path)) return [];
      const breach = wall.breach(source);
      return breach === undefined ? [] : [`${wall.name}: ${source.path} has ${breach}`];
    }),
  );
}

let cached: Promise<Source[]> | undefined;

function sourcesOnce(): Promise<Source[]> {
  cached ??= readSources();
  return cached;
}

async function readSources(): Promise<Source[]> {
  const folders = [
    'agent/src',
    'coordinator/src',
    'test',
    ...(await readdir(join(root, 'packages'))).map((name) => `packages/${name}/src`),
  ];
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .filter((path) => !/(^|\/)(dist|node_modules)\//.test(path)),
    ),
  );
  return files.flat().map((path) => sourceOf(path, readFileSync(join(root, path), 'utf8')));
}

function sourceOf(path: string, text: string): Source {
  const { module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be read: ${errors[0]!.message}`);
  // `import { type A }` loads the module all the same.
  const isTypes = (start: number) => /^(import|export) type\b/.test(text.slice(start));
  const imported = module.staticImports.map(({ moduleRequest, start }) => ({
    from: moduleRequest.value,
    typeOnly: isTypes(start),
  }));
  const exported = module.staticExports.flatMap(({ entries, start }) =>
    entries.flatMap(({ moduleRequest }) =>
      moduleRequest === null ? [] : [{ from: moduleRequest.value, typeOnly: isTypes(start) }],
    ),
  );
  const loaded = module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const from = /^(['"])(.*)\1$/.exec(text.slice(start, end))?.[2];
    // What is computed is told as it stands: no plan may load it.
    return [{ from: from ?? text.slice(start, end), typeOnly: false }];
  });
  return { path, imports: [...imported, ...exported, ...loaded], text };
}

/** `agent`, `packages/pki`, … */
function packageOf(path: string): string {
  const [first, second] = path.split('/');
  return first === 'packages' ? `packages/${second}` : first!;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
