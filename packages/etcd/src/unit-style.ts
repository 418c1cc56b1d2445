/**
 * How a distribution's etcd.service hands etcd its settings: by environment, by flags, or by a YAML file. Which it is
 * decides whether an etcd.conf of environment variables works at all: `--config-file` makes etcd ignore all of them,
 * and from 3.4 on etcd exits when an option is given both as flag and as variable.
 *
 * Pure: the unit's text or properties come in as values. Reading them from systemd, and replacing ExecStart by a
 * drop-in, belong elsewhere.
 */
import { parseEnvFile } from './env-file.js';
import { commandWords } from './unit-words.js';

/** What matters of a unit. */
export interface EtcdUnit {
  /** Command lines as written, or as `systemctl show` prints them (`{ path=… ; argv[]=… ; … }`). */
  readonly execStart: readonly string[];
  /** From `Environment=`. */
  readonly environment: Readonly<Record<string, string>>;
  /** From `EnvironmentFile=`, in order; `optional` when written with a leading "-". */
  readonly environmentFiles: readonly { readonly path: string; readonly optional: boolean }[];
}

/** How the unit starts etcd. `flags` are names without dashes, in order; `conflicts` are given as flag and variable. */
export interface UnitStyle {
  readonly style: 'environment' | 'flags' | 'configFile';
  readonly flags: readonly string[];
  readonly conflicts: readonly { readonly flag: string; readonly variable: string }[];
}

/**
 * Classifies a unit. `environmentText` is the text of its environment files, concatenated in their order (an empty
 * string when they do not exist); give the etcd.conf that is about to be written to learn what it would collide with.
 * A unit whose command runs no etcd has no flags.
 */
export function classifyUnit(unit: EtcdUnit, environmentText: string): UnitStyle {
  const environment = new Map([...Object.entries(unit.environment), ...parseEnvFile(environmentText).values]);
  const flags = unit.execStart.flatMap((command) => flagsOf(command, environment));
  const variables = new Set([...environment].filter(([, value]) => value !== '').map(([name]) => name));
  const conflicts = flags
    .map((flag) => ({ flag, variable: variableOf(flag) }))
    .filter(({ variable }) => variables.has(variable));
  return { style: styleOf(flags, variables), flags, conflicts };
}

function styleOf(flags: readonly string[], variables: ReadonlySet<string>): UnitStyle['style'] {
  if (flags.includes('config-file') || variables.has('ETCD_CONFIG_FILE')) return 'configFile';
  return flags.length > 0 ? 'flags' : 'environment';
}

/** "listen-client-urls" is ETCD_LISTEN_CLIENT_URLS, as etcd itself maps them. */
function variableOf(flag: string): string {
  return `ETCD_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** The flags that etcd would be given, whether it is started directly, by env, or from a shell's -c. */
function flagsOf(command: string, environment: ReadonlyMap<string, string>): string[] {
  const words = commandWords(command, environment);
  const etcd = words.findIndex((word) => /(^|\/)etcd$/.test(word));
  if (etcd < 0) return [];
  const flags = words
    .slice(etcd + 1)
    .flatMap((word) => /^--?([a-z0-9][a-z0-9-]*)(=|$)/.exec(word)?.[1] ?? []);
  return [...new Set(flags)];
}

/**
 * Reads unit text: one file, or `systemctl cat` with its drop-ins, later settings adding to earlier ones and an empty
 * assignment taking them back. Only the [Service] settings of {@link EtcdUnit} are looked at.
 */
export function parseUnit(text: string): EtcdUnit {
  const execStart: string[] = [];
  const environment: Record<string, string> = {};
  const environmentFiles: EtcdUnit['environmentFiles'][number][] = [];
  for (const [name, value] of settingsOf(text)) {
    switch (name) {
      case 'ExecStart':
        if (value === '') execStart.length = 0;
        else execStart.push(value);
        break;
      case 'Environment':
        if (value === '') for (const key of Object.keys(environment)) delete environment[key];
        for (const word of commandWords(value, new Map())) {
          const at = word.indexOf('=');
          if (at > 0) environment[word.slice(0, at)] = word.slice(at + 1);
        }
        break;
      case 'EnvironmentFile':
        if (value === '') environmentFiles.length = 0;
        else environmentFiles.push({ path: value.replace(/^-/, ''), optional: value.startsWith('-') });
        break;
    }
  }
  return { execStart, environment, environmentFiles };
}

function settingsOf(text: string): [string, string][] {
  let section = '';
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .flatMap((line): [string, string][] => {
      const header = /^\[([^\]]+)\]\s*$/.exec(line.trim());
      if (header !== null) section = header[1]!;
      const setting = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line);
      return setting !== null && section === 'Service' ? [[setting[1]!, setting[2]!]] : [];
    });
}
