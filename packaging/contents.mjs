// What is in a package, whatever its format: paths, modes and bytes, made from the build, the runtime and the files beside
// this one. Nothing here looks at a clock or at a directory's order.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleProgram } from '../scripts/setup/esbuild.mjs';
import { root } from '../scripts/setup/paths.mjs';
import { commandsOf } from './commands.mjs';
import { completions } from './completion.mjs';
import { copyrightFile, licencesOf } from './licences.mjs';
import { manualPage } from './manual.mjs';
import { folderOf } from './packages.mjs';
import { runtime, runtimePin } from './runtime.mjs';

/**
 * @typedef {{ path: string, mode: number, contents?: string | Uint8Array, from?: string, kind?: 'configuration' | 'licence' | 'document' }} Entry
 *   `path`: on the host; the bytes are `contents`, or those of the file `from`
 * @typedef {{ version: string, seconds: number }} Release `seconds`: the moment that is written into it
 */

/**
 * What is the same in every format of a package.
 * @typedef {{ bundle: Awaited<ReturnType<typeof bundleProgram>>, node: { node: string, licence: string }, commands: import('./commands.mjs').Command }} Parts
 * @param {string} [standIn] a program to put in the place of Node's
 * @returns {Promise<Parts>}
 */
export async function partsOf({ program }, standIn) {
  return {
    bundle: await bundleProgram(program, 'node24'),
    node: standIn === undefined ? await runtime() : { node: standIn, licence: join(root, 'LICENSE') },
    commands: await commandsOf(program),
  };
}

/**
 * @param {(typeof import('./packages.mjs').packages)[number]} product
 * @param {'deb' | 'rpm'} format
 * @param {Release} release
 * @param {Parts} parts
 * @returns {Entry[]} sorted by path
 */
export function contentsOf(product, format, release, { bundle, node, commands }) {
  const folder = folderOf(product);
  const { files, libraries } = bundle;
  const copyright = copyrightFile({
    folder,
    libraries: licencesOf(libraries),
    node: { version: runtimePin.version, text: readFileSync(node.licence, 'utf8') },
  });
  const manifest = { name: product.name, version: release.version, type: 'module', private: true };
  const entries = [
    { path: `/usr/bin/${product.command}`, mode: 0o755, contents: launcher(product) },
    { path: `${folder}/bin/node`, mode: 0o755, from: node.node },
    { path: `${folder}/package.json`, mode: 0o644, contents: `${JSON.stringify(manifest, null, 2)}\n` },
    ...files.map(({ path, contents }) => ({ path: `${folder}/${path}`, mode: 0o644, contents })),
    ...product.files.map(({ from, path, configuration }) => ({
      path,
      mode: 0o644,
      contents: readFileSync(join(root, from)),
      ...(configuration ? { kind: 'configuration' } : {}),
    })),
    ...completionFiles(product, format, commands),
    manualFile(product, release, commands),
    ...documents[format](product, release, copyright),
  ];
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * The host's own Node is not asked for, and what somebody has set for it is not meant for this one. grpc-js passes an IP
 * address as TLS server name, which Node remarks on (DEP0123); an operator could do nothing about the remark.
 */
function launcher(product) {
  const folder = folderOf(product);
  const flags = [...product.nodeFlags, '--disable-warning=DEP0123'].join(' ');
  return `#!/bin/sh
unset NODE_OPTIONS NODE_PATH
exec ${folder}/bin/node ${flags} ${folder}/bundle/main.cjs "$@"
`;
}

function completionFiles({ command }, format, commands) {
  const { bash, zsh, fish } = completions(commands);
  const zshFolder = format === 'deb' ? 'vendor-completions' : 'site-functions';
  return [
    { path: `/usr/share/bash-completion/completions/${command}`, mode: 0o644, contents: bash },
    { path: `/usr/share/zsh/${zshFolder}/_${command}`, mode: 0o644, contents: zsh },
    { path: `/usr/share/fish/vendor_completions.d/${command}.fish`, mode: 0o644, contents: fish },
  ];
}

function manualFile({ command, manual }, release, commands) {
  const { section } = manual;
  const page = manualPage(commands, { ...manual, ...release });
  return {
    path: `/usr/share/man/man${section}/${command}.${section}.gz`,
    mode: 0o644,
    contents: zipped(page),
    kind: 'document',
  };
}

const documents = {
  deb: ({ name }, release, copyright) => [
    { path: `/usr/share/doc/${name}/copyright`, mode: 0o644, contents: copyright },
    {
      path: `/usr/share/doc/${name}/changelog.gz`,
      mode: 0o644,
      contents: zipped(readFileSync(join(root, 'CHANGELOG.md'))),
    },
    {
      path: `/usr/share/doc/${name}/changelog.Debian.gz`,
      mode: 0o644,
      contents: zipped(debianChangelog(name, release)),
    },
    { path: `/usr/share/lintian/overrides/${name}`, mode: 0o644, contents: overrides(name) },
  ],
  rpm: ({ name }, _release, copyright) => [
    {
      path: `/usr/share/licenses/${name}/LICENSE`,
      mode: 0o644,
      contents: readFileSync(join(root, 'LICENSE')),
      kind: 'licence',
    },
    { path: `/usr/share/licenses/${name}/copyright`, mode: 0o644, contents: copyright, kind: 'licence' },
    {
      path: `/usr/share/doc/${name}/CHANGELOG.md`,
      mode: 0o644,
      contents: readFileSync(join(root, 'CHANGELOG.md')),
      kind: 'document',
    },
  ],
};

/** The waivers of all packages, and those of this one. */
function overrides(name) {
  const files = ['lintian', `lintian-${name}`].map((file) => join(root, 'packaging', 'waivers', file));
  const texts = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'));
  return texts.join('').replaceAll('@package@', name);
}

/** What has changed is in the changelog of the product, beside it. */
function debianChangelog(name, { version, seconds }) {
  const date = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  return `${name} (${version}-1) unstable; urgency=medium

  * Version ${version}; its changes are in changelog.gz.

 -- ${maintainer}  ${date}
`;
}

export const maintainer = 'etcd-agent maintainers <etcd-agent@localhost.localdomain>';

/** Node writes no time and no name into the header. */
function zipped(text) {
  return gzipSync(text, { level: 9 });
}
