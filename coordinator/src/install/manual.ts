/** The way without ssh: what a person runs on every host. Pure. */
import { basename } from 'node:path';
import type { NodePlace } from '../topology/places.js';
import type { LocalPackage, Wish } from './plan/plan.js';
import { shownWord } from './remote-words.js';

/** Three commands a host, to be copied; what stands after `#` is for the reader. */
export function manualText(places: readonly NodePlace[], source: Wish['source']): string {
  return places.map((place) => hostText(place, source)).join('\n\n');
}

function hostText({ name, address }: NodePlace, source: Wish['source']): string {
  return [
    `# ${name} (${address}): there, as root`,
    ...installLines(source),
    `etcd-agent enrol --token-file -    # paste what prints here: coordinator token ${name}; then Enter, Ctrl-D`,
    'systemctl enable --now etcd-agent',
  ].join('\n');
}

function installLines(source: Wish['source']): string[] {
  if (source.kind === 'repository')
    return ['apt-get install -y etcd-agent    # or: dnf install -y etcd-agent'];
  const [first, ...others] = source.files.map(installLine);
  return [first!, ...others.map((line) => `# or: ${line}`)];
}

function installLine({ kind, path }: LocalPackage): string {
  const file = shownWord(`./${basename(path)}`);
  // A repository that cannot be read, as without a network, would fail it; none is needed.
  return kind === 'deb' ? `apt-get install -y ${file}` : `dnf install -y --disablerepo='*' ${file}`;
}
