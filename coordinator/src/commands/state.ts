/** `coordinator state export|import`: the CA keys live on one host; this carries them to another, encrypted. */
import { open, readFile } from 'node:fs/promises';
import type { MemberSpec } from '@etcd-agent/protocol';
import { audit } from '../audit.js';
import { reachAll } from '../bootstrap/connect.js';
import { credentialsOf, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import type { View } from '../output/view.js';
import type { BootstrapRecord } from '../state/records.js';
import { passphraseCharsMin, type StateFiles, seal, unseal } from '../state/sealed.js';
import { StateDir } from '../state/state-dir.js';
import type { CommandContext } from './context.js';
import { readPassphrase } from './passphrase.js';

const folders = ['ca', 'admin', 'link', 'nodes', 'tokens', 'cfssl'] as const;

export async function exportState(
  { stateDir, progress }: CommandContext,
  file: string,
  passphraseFile: string | undefined,
): Promise<View> {
  const { state, topology } = await openCluster(stateDir);
  const passphrase = await readPassphrase(passphraseFile, { confirm: true });
  if (passphrase.length < passphraseCharsMin) {
    throw new Failure({
      exit: 'usage',
      what: `the passphrase is shorter than ${passphraseCharsMin} characters`,
      cause: 'it guards the CA keys of the cluster',
    });
  }
  const lock = await state.lock('coordinator state export');
  try {
    const files = await collect(state);
    const sealed = await progress.phase('Encrypt', () => seal(files, topology.name, passphrase));
    await writeNew(file, sealed);
    await audit(state, { action: 'state export', outcome: 'ok', detail: { file } });
  } finally {
    await lock.release();
  }
  return {
    document: { kind: 'StateExport', cluster: topology.name, file },
    table: `State of ${topology.name} exported to ${file}. Keep the passphrase elsewhere.`,
    notes: [
      `next: on the other host: coordinator state import ${file}`,
      'only one of the two copies should act from now on: agents refuse the older generation',
    ],
  };
}

/**
 * Brings a state back, then asks the agents how far they are: a copy that is older than what they know learns the newer
 * generation from them.
 */
export async function importState(
  { stateDir, progress }: CommandContext,
  file: string,
  passphraseFile: string | undefined,
): Promise<View> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure({ exit: 'usage', what: `cannot read ${file} (${error.code})` }, { cause: error });
  });
  const passphrase = await readPassphrase(passphraseFile, { confirm: false });
  const files = await progress.phase('Decrypt', () => unseal(text, passphrase, file));
  const { state, lock } = await StateDir.create(stateDir, 'coordinator state import');
  try {
    await restore(state, files);
    await audit(state, { action: 'state import', outcome: 'ok', detail: { file } });
    const learnt = await progress.phase('Ask the agents for their generation', () =>
      learnFromAgents(stateDir, state),
    );
    return {
      document: { kind: 'StateImport', state: stateDir, ...learnt },
      table: `State imported to ${stateDir}; generation ${learnt.generation}${learnt.newer ? ', read back from the agents (the copy was older)' : ''}.`,
      exit: learnt.unreachable.length === 0 ? 'ok' : 'unreachable',
      notes: [
        ...learnt.unreachable.map((what) => `warning: ${what}`),
        ...(learnt.unreachable.length === 0
          ? ['next: coordinator status']
          : [
              'an agent that was not asked may know a newer generation, and bootstrap will refuse until it agrees',
              `next: when all answer, import again, into a new directory: coordinator --state NEWDIR state import ${file}`,
            ]),
      ],
    };
  } finally {
    await lock.release();
  }
}

async function collect(state: StateDir): Promise<StateFiles> {
  const files: Record<string, string> = {};
  for (const name of await state.names()) {
    if (/^(cluster\.yaml|audit\.jsonl|bootstrap.*\.json)$/.test(name))
      files[name] = (await state.text(name))!;
  }
  for (const folder of folders) {
    for (const name of await state.names(folder))
      files[`${folder}/${name}`] = (await state.text(folder, name))!;
  }
  return files;
}

/** The topology last: a state with one is a whole state. */
async function restore(state: StateDir, files: StateFiles): Promise<void> {
  const names = Object.keys(files).sort(
    (a, b) => Number(a === 'cluster.yaml') - Number(b === 'cluster.yaml'),
  );
  for (const folder of new Set(
    names.filter((name) => name.includes('/')).map((name) => name.split('/')[0]!),
  )) {
    await state.makeDirectory(folder);
  }
  for (const name of names) await state.write(files[name]!, ...name.split('/'));
}

interface Learnt {
  readonly generation: number;
  /** The agents knew more than the imported copy. */
  readonly newer: boolean;
  readonly unreachable: readonly string[];
}

async function learnFromAgents(stateDir: string, state: StateDir): Promise<Learnt> {
  const cluster = await openCluster(stateDir);
  const record = await readBootstrapRecord(state);
  const credentials = await credentialsOf(cluster);
  const { links, failures } = await reachAll(cluster.places, {
    state,
    cluster: cluster.topology.name,
    credentials,
    mayEnrol: false,
  });
  try {
    const seen = await Promise.all(
      links.map(async (link) => ({
        spec: (await link.call('spec.get', {})).spec,
        begun: (await link.call('node.observe', {})).dataDir.kind === 'ours',
      })),
    );
    const known = record?.generation ?? 0;
    const specs = seen.flatMap(({ spec }) => spec ?? []);
    const generation = Math.max(known, ...specs.map((spec) => spec.generation));
    const newer = generation > known;
    if (newer) {
      const begun = seen.some((each) => each.begun);
      await state.writeJson(
        recordOf(
          specs.filter((spec) => spec.generation === generation),
          begun,
        ),
        'bootstrap.json',
      );
      await audit(state, {
        action: 'state import',
        outcome: 'ok',
        detail: { learntGeneration: generation },
      });
    }
    return {
      generation,
      newer,
      unreachable: failures.map(({ failure }) => failure.parts.what),
    };
  } finally {
    for (const link of links) link.close();
  }
}

/** The specs of one generation hold all that a record does. Where any node has data the bootstrap counts as finished: nobody starts empty again. */
function recordOf(specs: readonly MemberSpec[], begun: boolean): BootstrapRecord {
  const [spec] = specs as [MemberSpec];
  const replaces = specs.flatMap(({ node, replaces: memberId }) =>
    memberId === undefined ? [] : [{ node, memberId }],
  );
  const now = new Date().toISOString();
  return {
    bootstrapId: spec.cluster.bootstrapId,
    token: spec.cluster.token,
    clusterId: spec.cluster.clusterId,
    members: spec.initialCluster,
    etcdVersion: spec.etcd.version,
    unwanted: spec.unwanted,
    replaces,
    previous: spec.cluster.previous ?? [],
    ...(spec.hold === undefined ? {} : { underWay: spec.hold }),
    generation: spec.generation,
    // Equal to no digest: the next bootstrap sends specs of its own, in a generation above.
    specsSha256: '0'.repeat(64),
    recordedAt: now,
    ...(begun ? { completedAt: now } : {}),
  };
}

/** 0600, and never over an existing file. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new Failure({ exit: 'refused', what: `${file} already exists`, next: 'name another file' });
    throw new Failure({ exit: 'failed', what: `cannot write ${file} (${code})` }, { cause: error });
  }
}
