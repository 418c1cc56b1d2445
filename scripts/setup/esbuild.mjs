// A program made into one file by esbuild: for a checkout (bundle.mjs here) and for packages (packaging/contents.mjs).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from './failure.mjs';
import { root } from './paths.mjs';

// A module of CommonJS has all of these but the last, which it gets here. Files are found by where a bundle is: always bundle/.
const importMeta = {
  'import.meta.dirname': '__dirname',
  'import.meta.filename': '__filename',
  'import.meta.url': 'urlOfBundle',
};
// What was a module is strict.
const banner = "'use strict';\nconst urlOfBundle = require('node:url').pathToFileURL(__filename).href;";

/**
 * Bundles `agent` or `coordinator` from its dist, with all that it uses. Nothing is written.
 * @param {'agent' | 'coordinator'} program
 * @param {string} target the oldest Node that it is to run on, as esbuild names it
 * @returns {Promise<{ files: { path: string, contents: Uint8Array }[], libraries: string[] }>} files by their path in the
 *   program's own folder, bundle/main.cjs the last; `libraries`: folders of all npm packages of which something is inside
 * @throws {Failure} with esbuild's message
 */
export async function bundleProgram(program, target) {
  // Only here: this file is also loaded before anything has been installed.
  const { build } = await import('esbuild');
  const options = {
    absWorkingDir: root,
    entryPoints: [join(root, program, 'dist', 'main.js')],
    // Beside dist/: paths such as ../package.json are right from both.
    outfile: join(root, program, 'bundle', 'main.cjs'),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target,
    // CommonJS starts quicker than modules do, and what is imported by a command is still evaluated when it is asked for.
    format: 'cjs',
    // None is left, of built-in modules either: kept code cannot do it (compiled-code.mjs).
    supported: { 'dynamic-import': false },
    // As modules are, whatever configuration of the compiler lies about.
    tsconfigRaw: { compilerOptions: { alwaysStrict: true } },
    define: importMeta,
    banner: { js: banner },
    // Packages have them whole, in a file of their own.
    legalComments: 'none',
    logLevel: 'silent',
    // Any other form of it would be nothing, without a word.
    logOverride: { 'empty-import-meta': 'error' },
  };
  const result = await build(options).catch((error) => {
    throw new Failure({
      what: `the ${program} could not be bundled`,
      where: 'esbuild',
      cause: error.message,
      next: 'npm run build',
    });
  });
  const [{ contents }] = result.outputFiles;
  const libraries = librariesOf(Object.keys(result.metafile.inputs));
  return { files: [...protoFiles(libraries), { path: join('bundle', 'main.cjs'), contents }], libraries };
}

/** Folders of npm packages; a file of ours has none. */
function librariesOf(inputs) {
  const folders = inputs.map((input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))]
    .sort()
    .map((folder) => join(root, folder));
}

/** etcd3 reads these from ../proto while it is loaded; nothing else in a bundle reads files of its library. */
function protoFiles(libraries) {
  const etcd3 = libraries.find((folder) => folder.endsWith('/node_modules/etcd3'));
  if (etcd3 === undefined) return [];
  return ['auth.proto', 'kv.proto', 'rpc.proto'].map((name) => ({
    path: join('proto', name),
    contents: readFileSync(join(etcd3, 'proto', name)),
  }));
}
