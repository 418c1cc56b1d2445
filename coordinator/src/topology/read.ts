/**
 * From the files an operator names to one checked topology: the YAML itself, the cfssl files it points to, and every
 * problem of all of them at once.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PkiError, readConfigJson, readCsrJson } from '@etcd-agent/pki';
import { dotted, type Path, type Problem, readStrictYaml } from '@etcd-agent/strict-yaml';
import { Failure } from '../failure.js';
import { checkTopology } from './check.js';
import { type CfsslFiles, type PkiSettings, pkiSettings } from './pki-settings.js';
import { type TopologyFile, topologySchema } from './schema.js';

/** A topology that may be used: schema and cross checks passed. */
export interface Topology extends TopologyFile {
  readonly pkiSettings: PkiSettings;
}

export interface TopologyReading {
  readonly topology: Topology;
  readonly warnings: readonly Problem[];
  /** The texts as read, to be kept in the state dir: the topology and the cfssl files it names, by name. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Reads and checks `file`. Throws Failure (usage) that lists every problem with its line. */
export function readTopology(file: string): TopologyReading {
  return parseTopology(readText(file), file, (name) => readText(resolve(dirname(file), name)));
}

/** As readTopology, over texts: `readNamed` gives the cfssl files that the topology names. */
export function parseTopology(
  text: string,
  label: string,
  readNamed: (name: string) => string,
): TopologyReading {
  const reading = readStrictYaml(text, topologySchema, label);
  if (reading.kind === 'problems') throw topologyFailure(label, reading.problems);
  const { value, locate } = reading;
  const findings = checkTopology(value).map((finding) => ({
    severity: finding.severity,
    problem: { where: locate(finding.path), path: dotted(finding.path), message: finding.message },
  }));
  const errors = findings.filter(({ severity }) => severity === 'error').map(({ problem }) => problem);
  const sources = new Map([['cluster.yaml', text]]);
  const named = readCfsslFiles(value, readNamed, locate, errors, sources);
  const settings = pkiSettings(value.pki, named);
  for (const { path, message } of settings.problems)
    errors.push({ where: locate(path), path: dotted(path), message });
  if (errors.length > 0) throw topologyFailure(label, errors);
  const warnings = findings.filter(({ severity }) => severity === 'warning').map(({ problem }) => problem);
  for (const message of settings.warnings(value))
    warnings.push({ where: locate(['pki']), path: 'pki', message });
  return { topology: { ...value, pkiSettings: settings.settings }, warnings, sources };
}

function readCfsslFiles(
  { pki }: TopologyFile,
  readNamed: (name: string) => string,
  locate: (path: Path) => string,
  errors: Problem[],
  sources: Map<string, string>,
): CfsslFiles {
  const read = <T>(
    key: 'caCsr' | 'csr' | 'config',
    parse: (text: string, label: string) => T,
  ): T | undefined => {
    const name = pki[key];
    if (name === undefined) return undefined;
    try {
      const text = readNamed(name);
      sources.set(name, text);
      return parse(text, name);
    } catch (error) {
      if (!(error instanceof PkiError || error instanceof Failure)) throw error;
      errors.push({ where: locate(['pki', key]), path: `pki.${key}`, message: error.message });
      return undefined;
    }
  };
  const caCsr = read('caCsr', readCsrJson);
  const csr = read('csr', readCsrJson);
  const config = read('config', readConfigJson);
  return {
    ...(caCsr === undefined ? {} : { caCsr }),
    ...(csr === undefined ? {} : { csr }),
    ...(config === undefined ? {} : { config }),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new Failure(
      {
        exit: 'usage',
        what: `cannot read ${path}: ${code === 'ENOENT' ? 'there is no such file' : code}`,
        next: 'coordinator template > cluster.yaml, then edit it',
      },
      { cause: error },
    );
  }
}

function topologyFailure(label: string, problems: readonly Problem[]): Failure {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new Failure({
    exit: 'usage',
    what: `${label} has ${count}`,
    where: problems.map(({ where, path, message }) => `${where}: ${path === '' ? '' : `${path} `}${message}`),
    next: `edit ${label}; coordinator template shows every key with its meaning`,
  });
}
