/** A coordinator state, opened: the topology it was made with, where its nodes are, and what it may show. */
import { join } from 'node:path';
import { type LinkCredentials, readLinkCredentials } from '../authority.js';
import { Failure } from '../failure.js';
import { type BootstrapRecord, bootstrapRecordSchema } from '../state/records.js';
import { StateDir } from '../state/state-dir.js';
import { type NodePlace, placesOf } from '../topology/places.js';
import { parseTopology, type Topology } from '../topology/read.js';

export interface Cluster {
  readonly state: StateDir;
  readonly topology: Topology;
  readonly places: readonly NodePlace[];
}

/** Reads the topology kept in the state. Throws Failure where it is missing or was damaged by hand. */
export async function openCluster(path: string): Promise<Cluster> {
  const state = await StateDir.open(path);
  const text = (await state.text('cluster.yaml'))!;
  const named = new Map<string, string>();
  for (const name of await state.names('cfssl')) named.set(name, (await state.text('cfssl', name)) ?? '');
  const { topology } = parseTopology(text, join(path, 'cluster.yaml'), (name) => {
    const found = named.get(storedName(name));
    if (found !== undefined) return found;
    throw new Failure({
      exit: 'failed',
      what: `the copy of ${name} is missing in ${state.file('cfssl')}`,
      next: 'restore it from a backup of the state dir',
    });
  });
  return { state, topology, places: placesOf(topology) };
}

/** The name under which a cfssl file is kept: its path with nothing that could lead elsewhere. */
export function storedName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
}

/** Throws Failure where there is no such node; `command` is what the person may run with another name. */
export function placeOf({ places }: Cluster, name: string, command: string): NodePlace {
  const place = places.find((each) => each.name === name);
  if (place !== undefined) return place;
  throw new Failure({
    exit: 'usage',
    what: `there is no node ${name} in this cluster`,
    cause: `its nodes are ${places.map((each) => each.name).join(', ')}`,
    next: `coordinator ${command} ${places.map((each) => each.name).join('|')}`,
  });
}

export function credentialsOf({ state }: Cluster): Promise<LinkCredentials> {
  return readLinkCredentials(state, new Date());
}

export function readBootstrapRecord(state: StateDir): Promise<BootstrapRecord | undefined> {
  return state.json(bootstrapRecordSchema, 'bootstrap.json');
}
