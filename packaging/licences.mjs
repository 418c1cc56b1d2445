// The licence texts of all that is inside a package. What has no text cannot be packaged: handing it on is only allowed with it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../scripts/setup/failure.mjs';
import { root } from '../scripts/setup/paths.mjs';

const textFile = /^(?:licen[cs]e|copying)(?:[-.].*)?$/i;
const noticeFile = /^notice(?:\..*)?$/i;

/**
 * One entry for each library, sorted by name.
 * @param {string[]} folders of npm packages
 * @returns {{ name: string, version: string, licence: string, text: string }[]} `licence`: SPDX
 * @throws {Failure} naming every library without a licence text
 */
export function licencesOf(folders) {
  const entries = folders.map(readLicence);
  const without = entries.filter(({ text, licence }) => text === '' || licence === '');
  if (without.length > 0) {
    throw new Failure({
      what: 'a library has no licence text, so it may not be put into a package',
      where: without.map(({ name, version }) => `${name} ${version}`).join(', '),
      next: 'use another version or another library',
    });
  }
  // The same version may be there twice, for two sets of peers.
  const byName = new Map(entries.map((entry) => [`${entry.name} ${entry.version}`, entry]));
  return [...byName.values()].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

function readLicence(folder) {
  const { name, version, license = '' } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const names = readdirSync(folder).sort();
  const files = [
    ...names.filter((each) => textFile.test(each)),
    ...names.filter((each) => noticeFile.test(each)),
  ];
  const hasText = files.some((each) => textFile.test(each));
  const text = hasText
    ? files.map((each) => readFileSync(join(folder, each), 'utf8').trim()).join('\n\n')
    : '';
  return { name, version, licence: license.replace(/^\((.*)\)$/, '$1'), text };
}

/**
 * Debian's copyright file, in its machine-readable form; RPM takes the same. The Apache License is on every Debian host, and
 * beside this file in an RPM, and is not repeated.
 * @param {{ folder: string, libraries: ReturnType<typeof licencesOf>, node: { version: string, text: string } }} parts
 *   `folder`: where on a host the program is
 */
export function copyrightFile({ folder, libraries, node }) {
  const apache = squeezed(readFileSync(join(root, 'LICENSE'), 'utf8'));
  const stanzas = [
    [
      'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
      'Upstream-Name: etcd-agent',
    ],
    ['Files: *', 'Copyright: the etcd-agent authors', `License: Apache-2.0\n${indented(apacheNote)}`],
    [
      `Files: ${folder}/bin/node`,
      'Copyright: Node.js contributors, and others as its licence says',
      `License: Node.js\n${indented(node.text)}`,
    ],
    ...libraries.map(({ name, version, licence, text }) => [
      `Files: ${folder}/bundle/*`,
      `Comment: ${name} ${version}`,
      `Copyright: ${copyrightLine(text) ?? `the authors of ${name}`}`,
      // Apache's own text says nothing of who wrote the library.
      `License: ${licence} (${name})\n${indented(squeezed(text).startsWith(apache) ? apacheNote : text)}`,
    ]),
  ];
  return `${stanzas.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const apacheNote = [
  'Licensed under the Apache License, Version 2.0. On Debian systems its text is in',
  '/usr/share/common-licenses/Apache-2.0; an RPM has it beside this file.',
].join('\n');

function copyrightLine(text) {
  return /^.*copyright\s+(?:\(c\)|©|\d{4}).*$/im.exec(text)?.[0].trim();
}

function squeezed(text) {
  return text.replace(/\s+/g, ' ').trim();
}

/** As RFC 822 continues a field; an empty line is a full stop. */
function indented(text) {
  return text
    .replace(/\r/g, '')
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}
