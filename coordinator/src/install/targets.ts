/** Which nodes, and where ssh reaches the host of each. Pure. */
import { Failure } from '../failure.js';
import type { NodePlace } from '../topology/places.js';
import type { Target } from './context.js';

/** A name or address, with an account before it if need be; what begins with a dash would be an option of ssh. */
const hostPattern = /^([A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$/;
const hostKeyOption = /^\s*StrictHostKeyChecking\b/i;
const checkedHostKeys = /^StrictHostKeyChecking=(yes|ask|accept-new)$/i;

/** `mapping`: `NODE=HOST` each. Throws Failure (usage). */
export function targetsOf(
  places: readonly NodePlace[],
  names: readonly string[],
  mapping: readonly string[],
): Target[] {
  const known = places.map(({ name }) => name);
  const hosts = new Map(mapping.map((pair) => pairOf(pair, known)));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Failure({
      exit: 'usage',
      what: `there is no node ${unknown.join(', ')} in this cluster`,
      cause: `its nodes are ${known.join(', ')}`,
      next: `coordinator install ${known.join(' ')}`,
    });
  }
  return places
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .map((place) => ({ place, host: hosts.get(place.name) ?? place.address }));
}

/** Throws Failure (usage) for what must not be switched off, and for what is no option. */
export function checkedSshOptions(options: readonly string[]): readonly string[] {
  for (const option of options) {
    if (hostKeyOption.test(option) && !checkedHostKeys.test(option)) {
      throw new Failure({
        exit: 'usage',
        what: `--ssh-option ${option}: host keys are always checked here`,
        cause: 'join tokens go over these connections',
        next: 'ssh to each host once by hand and compare its fingerprint, or put its key into known_hosts',
      });
    }
    if (/^[A-Za-z]+[ =]\S/.test(option)) continue;
    throw new Failure({
      exit: 'usage',
      what: `--ssh-option ${option} is not KEY=VALUE`,
      next: 'man ssh_config',
    });
  }
  return options;
}

function pairOf(pair: string, known: readonly string[]): [string, string] {
  const [, name = '', host = ''] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
  if (known.includes(name) && hostPattern.test(host)) return [name, host];
  throw new Failure({
    exit: 'usage',
    what: `--host ${pair} is not NODE=HOST`,
    cause: `the nodes are ${known.join(', ')}; HOST is a name, an address or an alias of the ssh configuration`,
    next: `--host ${known[0]}=HOST`,
  });
}
