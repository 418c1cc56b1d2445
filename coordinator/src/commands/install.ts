/** `coordinator install [NODE...]`: the agent onto its hosts, over the operator's own ssh. */
import { createHash } from 'node:crypto';
import { readAuthority } from '../authority.js';
import { type Cluster, credentialsOf, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import type { InstallContext, Target } from '../install/context.js';
import { inParallel } from '../install/in-parallel.js';
import { type HostOutcome, installOnHost, lookAt } from '../install/install-host.js';
import { manualText } from '../install/manual.js';
import { readPackageFiles } from '../install/package-files.js';
import type { Wish } from '../install/plan/plan.js';
import { checkedSshOptions, targetsOf } from '../install/targets.js';
import { beginOperation } from '../operation.js';
import { type InstallResult, installView, planView } from '../output/install.js';
import type { View } from '../output/view.js';
import type { CommandContext } from './context.js';

export interface InstallFlags {
  readonly packages: readonly string[];
  readonly repository: boolean;
  readonly hosts: readonly string[];
  readonly user: string | undefined;
  readonly sshOptions: readonly string[];
  readonly sshConfig: string | undefined;
  readonly parallel: number;
  readonly dryRun: boolean;
  readonly manual: boolean;
}

export async function install(
  { stateDir, progress }: CommandContext,
  names: readonly string[],
  flags: InstallFlags,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const targets = targetsOf(cluster.places, names, flags.hosts);
  const options = checkedSshOptions(flags.sshOptions);
  const source = await sourceOf(flags);
  if (flags.manual) return manual(targets, source);
  const settings = { options, configFile: flags.sshConfig, user: flags.user };
  const interruption = new AbortController();
  // A second one ends the process as usual.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());
  const hostCount = targets.length === 1 ? 'one host' : `${targets.length} hosts`;
  const context = await contextOf(cluster, { settings, source, signal: interruption.signal });
  if (flags.dryRun) {
    const looks = await progress.phase(`Look at ${hostCount}`, (report) =>
      inParallel(targets, flags.parallel, async (target) => {
        report.note(`${target.place.name}: looking`);
        return { target, look: await lookAt(target, context).catch(asFailure) };
      }),
    );
    return planView(looks, context);
  }
  const lock = await cluster.state.lock('coordinator install');
  try {
    const results = await progress.phase(`Install etcd-agent on ${hostCount}`, (report) => {
      let over = 0;
      const tell: InstallContext['tell'] = ({ name }, doing) =>
        report.note(`${name}: ${doing} (${over} of ${targets.length} done)`);
      return inParallel(targets, flags.parallel, async (target): Promise<InstallResult> => {
        const outcome = await recordedInstall(cluster, target, { ...context, tell });
        over += 1;
        tell(target.place, outcome.failure === undefined ? 'done' : 'failed');
        return { target, outcome };
      });
    });
    return installView(results, context);
  } finally {
    await lock.release();
  }
}

async function sourceOf({ packages, repository }: InstallFlags): Promise<Wish['source']> {
  if (repository === packages.length > 0) {
    throw new Failure({
      exit: 'usage',
      what: repository ? '--package and --repo exclude each other' : 'there is nothing to install',
      next: 'coordinator install --package FILE.deb --package FILE.rpm, or --repo where the hosts have a repository with etcd-agent',
    });
  }
  return repository ? { kind: 'repository' } : { kind: 'files', files: await readPackageFiles(packages) };
}

function manual(targets: readonly Target[], source: Wish['source']): View {
  const text = manualText(
    targets.map(({ place }) => place),
    source,
  );
  return {
    document: { kind: 'InstallManual', nodes: targets.map(({ place }) => place.name), commands: text },
    table: text,
    notes: ['next: run these on the hosts, then here: coordinator check'],
  };
}

async function contextOf(
  cluster: Cluster,
  given: Pick<InstallContext, 'settings' | 'source' | 'signal'>,
): Promise<InstallContext> {
  const { state, topology } = cluster;
  const [credentials, authority, record] = await Promise.all([
    credentialsOf(cluster),
    readAuthority(state, 'agent', new Date()),
    readBootstrapRecord(state),
  ]);
  return {
    ...given,
    cluster,
    tag: createHash('sha256').update(authority.certificate).digest('hex').slice(0, 12),
    bootstrapped: record?.completedAt !== undefined && record.resetting === undefined,
    reach: { state, cluster: topology.name, credentials, mayEnrol: true },
    tell: () => {},
  };
}

/** Each host is an operation of its own: one host's failure does not stop the others. */
async function recordedInstall(
  { state }: Cluster,
  target: Target,
  context: InstallContext,
): Promise<HostOutcome> {
  const operation = await beginOperation(state, {
    action: 'install',
    nodes: [target.place.name],
    resume: 'coordinator install again, with the same options',
  });
  const outcome = await installOnHost(target, context);
  const { version, before, done, failure } = outcome;
  const after = { host: target.host, version, before, done };
  if (failure === undefined) await operation.end('ok', after);
  else await operation.fail(failure, after);
  return outcome;
}

function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(
    { exit: 'failed', what: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}
