// Which package mirror this machine uses, read from its own apt sources: both the one-line format (sources.list) and
// the deb822 format (*.sources). Read from the files and not from apt, because apt answers only after `apt-get update`
// has been run once, and on a fresh machine it has not.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * An archive as apt knows it: `uri` of the mirror, `suite` (bookworm), `components` (main), `keyrings` (paths of the key
 * files named by Signed-By; empty when none is).
 * @typedef {{ uri: string, suite: string, components: string[], keyrings: string[] }} Archive
 */

/**
 * The archive of the distribution itself: the entry for the machine's own codename, else the first whose suite is not an
 * update, security or backports one (`stable`, `testing`). Other vendors' archives use the same suite names, so one that
 * is signed with the distribution's own keys goes first.
 * @returns {Archive | undefined} undefined when this machine has no network archive configured, or no apt
 */
export function ownArchive({ etcApt = '/etc/apt', osRelease = '/etc/os-release' } = {}) {
  const archives = readSources(etcApt).filter(({ components }) => components.includes('main'));
  const codename = existsSync(osRelease)
    ? /^VERSION_CODENAME="?([\w-]+)/m.exec(readFileSync(osRelease, 'utf8'))?.[1]
    : undefined;
  const candidates = archives.filter(({ suite }) => suite === codename);
  const others = archives
    .filter(({ suite }) => !/[-/]/.test(suite))
    .map((archive) => renamed(archive, codename));
  const all = [...candidates, ...others];
  return all.find(({ keyrings }) => keyrings.some((path) => /(debian|ubuntu)-archive-/.test(path))) ?? all[0];
}

/** `stable` may be a release newer than this machine; the codename is at the same mirror and is what it runs. */
function renamed(archive, codename) {
  return { ...archive, suite: codename ?? archive.suite };
}

function readSources(etcApt) {
  const parts = join(etcApt, 'sources.list.d');
  const files = [
    join(etcApt, 'sources.list'),
    ...(existsSync(parts)
      ? readdirSync(parts)
          .sort()
          .map((name) => join(parts, name))
      : []),
  ];
  const entries = files.flatMap((file) => {
    if (!existsSync(file)) return [];
    if (file.endsWith('.list')) return parseList(readFileSync(file, 'utf8'));
    return file.endsWith('.sources') ? parseDeb822(readFileSync(file, 'utf8')) : [];
  });
  return merged(entries);
}

/** One entry per mirror and suite: Ubuntu gives each component a line of its own, and etcd is in `universe`. */
function merged(entries) {
  const byArchive = new Map();
  for (const entry of entries) {
    const key = `${entry.uri} ${entry.suite}`;
    const components = [...(byArchive.get(key)?.components ?? []), ...entry.components];
    byArchive.set(key, { ...(byArchive.get(key) ?? entry), components: [...new Set(components)] });
  }
  return [...byArchive.values()];
}

/** `deb [signed-by=/path arch=amd64] http://mirror/debian bookworm main contrib` @returns {Archive[]} */
function parseList(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match || !isUsable(match[2])) return [];
    const signedBy = /signed-by=(\S+)/i.exec(match[1] ?? '')?.[1] ?? '';
    return [
      { uri: match[2], suite: match[3], components: words(match[4]), keyrings: keyringPaths(signedBy) },
    ];
  });
}

/** Stanzas of `Types: Suites: URIs: Components: Signed-By: Enabled:`; every URI with every suite. @returns {Archive[]} */
function parseDeb822(text) {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name) =>
      new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, 'im').exec(stanza)?.[1]?.replace(/\n/g, ' ') ?? '';
    if (!words(field('Types')).includes('deb') || /^(no|false|0|off|disable)\b/i.test(field('Enabled')))
      return [];
    const components = words(field('Components'));
    const keyrings = keyringPaths(field('Signed-By'));
    return words(field('URIs'))
      .filter(isUsable)
      .flatMap((uri) => words(field('Suites')).map((suite) => ({ uri, suite, components, keyrings })));
  });
}

/** An installation medium is no use to a machine that no longer has it in the drive. */
function isUsable(uri) {
  return !uri.startsWith('cdrom:');
}

/** Signed-By holds paths, or fingerprints, or a whole key; only paths can be handed on. */
function keyringPaths(signedBy) {
  return signedBy.split(/[\s,]+/).filter((item) => item.startsWith('/'));
}

function words(text) {
  return text.trim().split(/\s+/).filter(Boolean);
}
