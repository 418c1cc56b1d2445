/** The real etcd binaries that the setup has unpacked, by version. Nothing is downloaded here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './programs.js';

export interface EtcdBinaries {
  readonly version: string;
  /** Absolute paths of the server and of the etcdctl that came with it. */
  readonly etcd: string;
  readonly etcdctl: string;
}

/** The versions that every release is tested with, oldest first. */
export const etcdVersions = ['3.3.25', '3.4.23', '3.5.16', '3.5.30'] as const;
export type EtcdVersion = (typeof etcdVersions)[number];

/** The one that is asked for, as in `ETCD_AGENT_TEST_ETCD=3.3.25 npm test -- heal-data`, or `version`. */
export function askedOr(version: EtcdVersion): EtcdVersion {
  return versionAskedFor(process.env.ETCD_AGENT_TEST_ETCD ?? version);
}

/** What most tests run: the newest. */
export const usualVersion = askedOr('3.5.30');

/** Throws, naming the command that gets them, where the binaries of `version` are not there. */
export function etcdBinaries(version: EtcdVersion): EtcdBinaries {
  const found = readIndex().find((each) => each.version === version);
  if (found === undefined)
    throw new Error(`there is no etcd ${version} in .cache/etcd: run node scripts/setup.mjs --test`);
  return found;
}

function versionAskedFor(text: string): EtcdVersion {
  const found = etcdVersions.find((version) => version === text);
  if (found === undefined)
    throw new Error(`ETCD_AGENT_TEST_ETCD is ${text}, and tests have etcd ${etcdVersions.join(', ')}`);
  return found;
}

function readIndex(): EtcdBinaries[] {
  try {
    return JSON.parse(readFileSync(join(root, '.cache', 'etcd', 'index.json'), 'utf8')) as EtcdBinaries[];
  } catch {
    return [];
  }
}

/** For the environment of etcdctl, whose own limits are 2 s and 5 s: a busy machine takes its time. */
export const patientEtcdctl = { ETCDCTL_DIAL_TIMEOUT: '20s', ETCDCTL_COMMAND_TIMEOUT: '60s' } as const;
