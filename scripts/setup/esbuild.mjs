// A program made into a few files by esbuild: for a checkout (bundle.mjs here) and for packages (packaging/contents.mjs).
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Failure } from './failure.mjs';
import { root } from './paths.mjs';

// Many libraries are CommonJS: they ask for modules of Node by `require`, and for files by where they are themselves, which
// is always bundle/.
const forCommonJs = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
  'const __dirname = import.meta.dirname;',
  'const __filename = import.meta.filename;',
].join('\n');

/**
 * Bundles `agent` or `coordinator` from its dist. Nothing is written.
 * @param {'agent' | 'coordinator'} program
 * @param {{ target: string, external?: string[] }} options `external`: what is not inside
 * @returns {Promise<{ files: { path: string, contents: Uint8Array }[], libraries: string[] }>} files by their path in the
 *   program's own folder, bundle/main.js the last; `libraries`: folders of all npm packages of which something is inside
 * @throws {Failure} with esbuild's message
 */
export async function bundleProgram(program, { target, external = [] }) {
  // Only here: this file is also loaded before anything has been installed.
  const { build } = await import('esbuild');
  const outdir = join(root, program, 'bundle');
  const options = {
    absWorkingDir: root,
    entryPoints: [join(root, program, 'dist', 'main.js')],
    outdir,
    // Commands stay files of their own, loaded when they are asked for. All lie flat in bundle/, which is beside dist/:
    // paths such as ../package.json are right from both.
    splitting: true,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target,
    format: 'esm',
    external,
    banner: { js: forCommonJs },
    // Packages have them whole, in a file of their own.
    legalComments: 'none',
    logLevel: 'silent',
  };
  const result = await build(options).catch((error) => {
    throw new Failure({
      what: `the ${program} could not be bundled`,
      where: 'esbuild',
      cause: error.message,
      next: 'npm run build',
    });
  });
  const code = result.outputFiles.map(({ path, contents }) => ({
    path: join('bundle', relative(outdir, path)),
    contents,
  }));
  const isMain = ({ path }) => path === join('bundle', 'main.js');
  const libraries = librariesOf(Object.keys(result.metafile.inputs));
  return { files: [...protoFiles(libraries), ...code.toSorted((a, b) => isMain(a) - isMain(b))], libraries };
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
