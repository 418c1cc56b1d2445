/**
 * `coordinator bootstrap`: look, plan, ask, then carry the plan out phase by phase. Every phase is idempotent and what
 * must be remembered is on disk before any node hears of it, so that it can be killed anywhere and run again.
 */
import { auditFailure } from '../audit.js';
import { readAdminCredentials } from '../authority.js';
import { refuseWhileUnderWay, wantedPlaces } from '../cluster/finished.js';
import { type Cluster, credentialsOf, readBootstrapRecord } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { decideInstalls, installOn, refusalOf } from '../etcd-install/install-on.js';
import { isToInstall } from '../etcd-install/plan/plan-install.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { currentCertificates } from '../link/node-records.js';
import { beginOperation } from '../operation.js';
import type { Finding } from '../preflight/findings.js';
import { judge } from '../preflight/judge.js';
import { runPreflight } from '../preflight/run.js';
import type { PhaseReport, Progress } from '../progress.js';
import type { BootstrapRecord } from '../state/records.js';
import { readToken } from '../tokens.js';
import { type IssuedNode, install, issue } from './certify.js';
import { failureOf, onEvery, type Reached, reachAll } from './connect.js';
import { everStarted, quorumAnswers } from './ever-started.js';
import { type BootstrapPlan, type BootstrapStep, planBootstrap } from './plan/plan.js';
import type { NodeSituation } from './plan/situation.js';
import { keepRecord, newRecord } from './record.js';
import { memberSpecs, type SpecInputs, specDigests } from './specs.js';
import { verify } from './verify.js';

export interface BootstrapOptions {
  readonly cluster: Cluster;
  readonly progress: Progress;
  readonly dryRun: boolean;
  readonly reset: boolean;
  /** How long the members may take to become healthy after their start. */
  readonly timeoutMs: number;
  /** Asked once, with the plan; false ends the bootstrap before anything was changed. */
  readonly confirm: (steps: readonly BootstrapStep[]) => Promise<boolean>;
}

export type BootstrapOutcome = { readonly steps: readonly BootstrapStep[] } & (
  | { readonly kind: 'planned' | 'declined' }
  | {
      readonly kind: 'done';
      /** Warnings of the preflight. */
      readonly findings: readonly Finding[];
      /** The cluster as the last check saw it. */
      readonly seen: ClusterView;
    }
);

export async function bootstrap(options: BootstrapOptions): Promise<BootstrapOutcome> {
  const run = new BootstrapRun(options);
  if (options.dryRun) return lookAndCarryOut(run, options);
  const { state } = options.cluster;
  const lock = await state.lock('coordinator bootstrap');
  try {
    return await lookAndCarryOut(run, options);
  } catch (error) {
    if (!run.begun) await auditFailure(state, { action: 'bootstrap' }, error);
    throw error;
  } finally {
    await lock.release();
  }
}

async function lookAndCarryOut(run: BootstrapRun, options: BootstrapOptions): Promise<BootstrapOutcome> {
  try {
    const steps = await options.progress.phase('Look at the nodes', () => run.look());
    if (options.dryRun) return { kind: 'planned', steps };
    if (!(await options.confirm(steps))) return { kind: 'declined', steps };
    await run.carryOut(steps);
    const findings = run.findings.filter(({ result }) => result === 'warn');
    // Every plan ends with the verification.
    return { kind: 'done', steps, findings, seen: run.seen! };
  } finally {
    run.close();
  }
}

class BootstrapRun {
  record: BootstrapRecord | undefined;
  findings: readonly Finding[] = [];
  seen: ClusterView | undefined;
  /** Its operation is in the audit log, which says how it ended. */
  begun = false;
  private links: readonly NodeLink[] = [];
  /** Of absent nodes too: the others must go on knowing them. */
  private certificates: ReadonlyMap<string, string> = new Map();
  private toEnrol: ReadonlySet<string> = new Set();
  private reset = false;
  private issued: Promise<readonly IssuedNode[]> | undefined;

  constructor(private readonly options: BootstrapOptions) {}

  close(): void {
    for (const link of this.links) link.close();
  }

  /** Reaches every enrolled node and plans. Nothing is changed. */
  async look(): Promise<readonly BootstrapStep[]> {
    const { cluster } = this.options;
    this.record = await readBootstrapRecord(cluster.state);
    refuseWhileUnderWay(this.record);
    // A reset that was cut short is a reset still: half of the members must not go on as if nothing were.
    this.reset = this.options.reset || this.record?.resetting === true;
    this.toEnrol = new Set(await namesWithTokens(cluster));
    await this.connect(false);
    return this.plan();
  }

  async carryOut(planned: readonly BootstrapStep[]): Promise<void> {
    const { cluster, progress } = this.options;
    let steps = planned;
    if (steps.some(({ kind }) => kind === 'enrol')) {
      steps = await progress.phase('Enrol', async () => {
        this.close();
        await this.connect(true);
        // What the new identities show may change the plan: it is made again from what is true now.
        return this.plan();
      });
    }
    const operation = await beginOperation(cluster.state, {
      action: 'bootstrap',
      nodes: cluster.places.map(({ name }) => name),
      plan: steps.map(wordsOf),
      resume: 'coordinator bootstrap',
    });
    this.begun = true;
    try {
      for (const step of steps) {
        if (step.kind === 'preflight') this.issueEarly(steps);
        await operation.step(wordsOf(step), () => this.execute(step));
      }
      const { clusterId, generation } = this.record!;
      await operation.end('ok', { clusterId, generation });
    } catch (error) {
      await operation.fail(error);
      throw error;
    }
  }

  /**
   * Certificates are made while the checks wait for disks and the network; they are installed when the checks have passed.
   * Not with RSA: its keys keep every CPU of a small host busy, and the latency of its disk would be measured under that.
   */
  private issueEarly(steps: readonly BootstrapStep[]): void {
    const { cluster } = this.options;
    const step = steps.find(({ kind }) => kind === 'certify');
    if (step?.kind !== 'certify' || cluster.topology.pkiSettings.leaf.key.algo !== 'ecdsa') return;
    this.issued = issue(cluster, this.named(step.nodes), { note: () => {} });
    // Awaited by the certify step; after a failed check nobody asks any more.
    this.issued.catch(() => {});
  }

  private async connect(mayEnrol: boolean): Promise<void> {
    const { cluster } = this.options;
    const credentials = await credentialsOf(cluster);
    const options = { state: cluster.state, cluster: cluster.topology.name, credentials, mayEnrol };
    const places = mayEnrol ? cluster.places : cluster.places.filter(({ name }) => !this.toEnrol.has(name));
    const reached: Reached = await reachAll(places, options);
    this.links = reached.links;
    if (mayEnrol) this.toEnrol = new Set();
    // A host whose member was removed on purpose may be gone for good.
    const missing = reached.failures.filter(({ place }) => !this.isUnwanted(place.name));
    if (missing.length > 0) throw failureOf(missing);
    const names = cluster.places.map(({ name }) => name);
    const held = this.links.map((link) => [link.place.name, link.certificateSha256] as const);
    this.certificates = new Map([...(await currentCertificates(cluster.state, names)), ...held]);
  }

  private isUnwanted(name: string): boolean {
    return this.record?.unwanted.includes(name) === true;
  }

  private async plan(): Promise<readonly BootstrapStep[]> {
    const { record } = this;
    const before = await this.situations();
    const started = record === undefined || this.reset ? [] : await everStarted(this.options.cluster, before);
    // A start that was under way shows in the members' word sooner than in a look from before it.
    const nodes = started.length === 0 ? before : await this.situations();
    // Digests need every node's certificate: before everybody is enrolled nothing can have been sent to everybody.
    const digests = record === undefined || this.toEnrol.size > 0 ? undefined : this.digests(record);
    const plan: BootstrapPlan = planBootstrap({
      nodes,
      record,
      reset: this.reset,
      specsDiffer: digests !== undefined && digests.specsSha256 !== record?.specsSha256,
      settingsDiffer:
        digests !== undefined &&
        record?.settingsSha256 !== undefined &&
        digests.settingsSha256 !== record.settingsSha256,
      quorumAnswers: this.reset && (await quorumAnswers(this.options.cluster)),
      everStarted: started,
      toInstall: await this.toInstall(),
    });
    if (plan.kind === 'steps') return plan.steps;
    throw new Failure({
      exit: 'refused',
      what: 'this bootstrap must not go on',
      where: plan.refusals.map(({ node, what }) => (node === undefined ? what : `${node} ${what}`)),
      next: [...new Set(plan.refusals.map(({ next }) => next))].join('\n'),
    });
  }

  /** A reset ends what holds a node now, so there they count as well: each is looked at again before anything is done. */
  private async toInstall(): Promise<readonly string[] | undefined> {
    const source = this.options.cluster.topology.etcd.install;
    if (source === undefined) return undefined;
    const decisions = await decideInstalls(this.links, source);
    const refusal = refusalOf(decisions);
    if (refusal !== undefined) throw refusal;
    return decisions
      .filter((decision) => isToInstall(decision) || (this.reset && decision.kind === 'held'))
      .map(({ node }) => node);
  }

  private async install(nodes: readonly string[], report: PhaseReport): Promise<void> {
    const { state, topology } = this.options.cluster;
    const links = this.named(nodes);
    const source = topology.etcd.install!;
    const decisions = await decideInstalls(links, source);
    const refusal = refusalOf(decisions);
    if (refusal !== undefined) throw refusal;
    const outcomes = await installOn(state, links, source, decisions, report);
    const failures = outcomes.flatMap((outcome) =>
      outcome.kind === 'failed'
        ? [{ place: links.find(({ place }) => place.name === outcome.node)!.place, failure: outcome.failure }]
        : [],
    );
    if (failures.length > 0) throw failureOf(failures);
  }

  private async situations(): Promise<NodeSituation[]> {
    return Promise.all(
      this.options.cluster.places.map(async (place): Promise<NodeSituation> => {
        const link = this.links.find((each) => each.place.name === place.name);
        if (link === undefined) return { place, kind: this.isUnwanted(place.name) ? 'absent' : 'toEnrol' };
        const snapshot = await this.onNode(link, () => link.call('node.observe', {}));
        return { place, kind: 'linked', snapshot, generation: link.hello.generation };
      }),
    );
  }

  private execute(step: BootstrapStep): Promise<void> {
    const { progress, cluster } = this.options;
    switch (step.kind) {
      case 'enrol':
        return Promise.resolve();
      case 'quarantine':
        return progress.phase('Move the data of the former bootstrap aside', async () => {
          this.record = { ...this.record!, resetting: true };
          await keepRecord(cluster.state, this.record, 'next');
          await this.onNodes(step.nodes, (link) =>
            link.call('etcd.quarantine', { bootstrapId: step.bootstrapId }),
          );
        });
      case 'install':
        return progress.phase(`Install etcd on ${list(step.nodes)}`, (report) =>
          this.install(step.nodes, report),
        );
      case 'preflight':
        return progress.phase(`Check ${list(step.nodes)}`, () => this.preflight(step.nodes));
      case 'certify':
        return progress.phase(`Certify ${list(step.nodes)}`, async (report) =>
          install(await (this.issued ?? issue(cluster, this.named(step.nodes), report))),
        );
      case 'record':
        return this.keepNextRecord(step.what);
      case 'configure':
        return progress.phase(`Configure ${list(step.nodes)}`, () => this.configure(step.nodes));
      case 'start':
        return progress.phase(`Start etcd on ${list(step.nodes)}`, () =>
          this.onNodes(step.nodes, (link) =>
            link.call('etcd.start', { bootstrapId: this.record!.bootstrapId }),
          ),
        );
      case 'verify':
        return progress.phase('Wait until all members are healthy', (report) => this.verify(report));
    }
  }

  private async preflight(nodes: readonly string[]): Promise<void> {
    const reports = await runPreflight(this.named(nodes), this.options.cluster.topology.snapshots);
    this.findings = judge(reports, this.reset ? undefined : this.record);
    const failed = this.findings.filter(({ result }) => result === 'fail');
    if (failed.length > 0) {
      const nexts = [...new Set(failed.flatMap(({ next }) => next ?? []))];
      throw new Failure({
        exit: 'refused',
        what: `${failed.length} check${failed.length === 1 ? '' : 's'} failed; nothing was started`,
        where: failed.map(({ node, check, message }) => `${node} ${check}: ${message}`),
        next: [...nexts, 'coordinator check shows every check on every node'].join('\n'),
      });
    }
    const [first] = reports;
    if (first!.facts.etcd.kind === 'found') this.etcdVersion = first!.facts.etcd.version;
  }

  private etcdVersion = '';

  /** Written before any node hears of it: every later resume starts from here. */
  private async keepNextRecord(what: 'new' | 'next'): Promise<void> {
    const { cluster } = this.options;
    const base = what === 'new' ? newRecord(cluster, this.etcdVersion) : this.record!;
    const generation =
      Math.max(this.record?.generation ?? 0, ...this.links.map(({ hello }) => hello.generation)) + 1;
    this.record = { ...base, generation, ...this.digests(base) };
    await keepRecord(cluster.state, this.record, what);
    this.reset = false;
  }

  private async configure(nodes: readonly string[]): Promise<void> {
    const record = this.record!;
    const specs = memberSpecs(this.inputs(record), record.generation);
    await this.onNodes(nodes, (link) =>
      link.call('spec.apply', { spec: specs.find(({ node }) => node === link.place.name)! }),
    );
  }

  private async verify(report: { note(text: string): void }): Promise<void> {
    const { cluster, timeoutMs } = this.options;
    const record = this.record!;
    const credentials = await readAdminCredentials(cluster.state);
    const places = wantedPlaces(cluster.places, record);
    this.seen = await verify({
      places,
      links: this.named(places.map(({ name }) => name)),
      record,
      credentials,
      timeoutMs,
      report,
    });
    if (record.replaces.length > 0) await this.endReplacements(record);
    if (record.completedAt === undefined) {
      this.record = { ...record, completedAt: new Date().toISOString() };
      await keepRecord(cluster.state, this.record, 'next');
    }
  }

  /** The reinstalled hosts are members of their own now: were one reinstalled again, it must not take that old place. */
  private async endReplacements(record: BootstrapRecord): Promise<void> {
    this.record = { ...record, replaces: [] };
    await this.keepNextRecord('next');
    await this.configure(this.links.map(({ place }) => place.name));
  }

  private inputs(record: SpecInputs['record']): SpecInputs {
    const { topology, places } = this.options.cluster;
    return { topology, places, record, certificates: this.certificates };
  }

  private digests(record: SpecInputs['record']) {
    return specDigests(this.inputs(record));
  }

  private named(nodes: readonly string[]): readonly NodeLink[] {
    return this.links.filter(({ place }) => nodes.includes(place.name));
  }

  private async onNodes(nodes: readonly string[], act: (link: NodeLink) => Promise<unknown>): Promise<void> {
    await onEvery(this.named(nodes), act);
  }

  private async onNode<T>(link: NodeLink, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw nodeFailure(link.place, error);
    }
  }
}

async function namesWithTokens({ state, places }: Cluster): Promise<string[]> {
  const tokens = await Promise.all(places.map(({ name }) => readToken(state, name)));
  return places.filter((_place, index) => tokens[index] !== undefined).map(({ name }) => name);
}

/** A step in the audit log: `start n0, n1, n2`. */
function wordsOf(step: BootstrapStep): string {
  return 'nodes' in step ? `${step.kind} ${list(step.nodes)}` : step.kind;
}

function list(nodes: readonly string[]): string {
  return nodes.join(', ');
}
