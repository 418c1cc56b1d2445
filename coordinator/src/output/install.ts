/** What `coordinator install` has done on each host, and what it would do. */
import type { ExitName, Failure } from '../failure.js';
import type { InstallContext, Target } from '../install/context.js';
import type { HostOutcome, Look } from '../install/install-host.js';
import type { InstallStep } from '../install/plan/plan.js';
import { type Call, shownCall } from '../install/ssh.js';
import { table } from './table.js';
import type { View } from './view.js';

export interface InstallResult {
  readonly target: Target;
  readonly outcome: HostOutcome;
}

export function installView(
  results: readonly InstallResult[],
  { bootstrapped }: Pick<InstallContext, 'bootstrapped'>,
): View {
  const failures = results.flatMap(({ outcome }) => outcome.failure ?? []);
  const exit = exitOf(failures);
  const rows = results.map(({ target, outcome }) => ({
    node: target.place.name,
    host: target.host,
    result: resultOf(outcome),
    version: outcome.version ?? null,
    before: outcome.before ?? null,
    steps: outcome.done,
    kept: outcome.kept,
    ...(outcome.failure === undefined ? {} : { error: outcome.failure.parts }),
  }));
  return {
    document: { kind: 'Install', nodes: rows },
    table: table(
      ['NODE', 'HOST', 'RESULT', 'AGENT', 'DETAIL'],
      rows.map(({ node, host, result, version }, at) => [
        node,
        host,
        result,
        version ?? '',
        detailOf(results[at]!.outcome),
      ]),
    ),
    exit,
    notes: [...failures.flatMap(failureNotes), ...nextNotes(exit, bootstrapped, results)],
  };
}

/** One word for what is different now. */
function resultOf({ failure, done, before, version }: HostOutcome): string {
  if (failure !== undefined) return failure.parts.exit === 'interrupted' ? 'interrupted' : 'failed';
  if (before !== version) return before === undefined ? 'installed' : 'upgraded';
  if (done.includes('token')) return 'enrolled';
  return done.includes('enable') && !done.includes('installFromRepository') ? 'started' : 'unchanged';
}

function detailOf({ failure, before, version, kept }: HostOutcome): string {
  if (failure !== undefined) return failure.parts.what;
  const from = before !== undefined && before !== version ? [`was ${before}`] : [];
  return [...from, ...(kept.length === 0 ? [] : [`had: ${kept.join(', ')}`]), 'answers'].join('; ');
}

/** As `check` has it: an identity problem is the gravest, else the first one's; an interruption above all. */
function exitOf(failures: readonly Failure[]): ExitName {
  const exits = failures.map(({ parts }) => parts.exit);
  for (const grave of ['interrupted', 'identity'] as const) if (exits.includes(grave)) return grave;
  return exits[0] ?? 'ok';
}

function failureNotes({ parts: { exit, what, where, cause, next } }: Failure): string[] {
  if (exit === 'interrupted') return [];
  return [
    `error: ${what}`,
    ...(where ?? []).map((place) => `  where: ${place}`),
    ...(cause === undefined ? [] : [`  cause: ${cause}`]),
    ...(next === undefined ? [] : [`  next:  ${next}`]),
  ];
}

function nextNotes(exit: ExitName, bootstrapped: boolean, results: readonly InstallResult[]): string[] {
  if (exit === 'interrupted')
    return ['interrupted; run the same command again: it goes on from what is true'];
  if (exit !== 'ok') return [];
  if (!bootstrapped) return ['next: coordinator check, then coordinator bootstrap'];
  // An identity that is new to a cluster that runs: the bootstrap tells its agent whose place it takes.
  const newcomers = results.some(({ outcome }) => outcome.done.includes('token'));
  return [`next: coordinator ${newcomers ? 'bootstrap' : 'status'}`];
}

/** Nothing was changed: what would be run where, to the letter. */
export function planView(
  looks: readonly { readonly target: Target; readonly look: Look | Failure }[],
  { tag }: Pick<InstallContext, 'tag'>,
): View {
  const hosts = looks.map(({ target, look }) => ({
    node: target.place.name,
    host: target.host,
    ...('probe' in look ? planOf(look, tag) : { refused: look.parts.what, next: look.parts.next }),
  }));
  const failures = looks.flatMap(({ look }) => ('probe' in look ? [] : [look]));
  const refused = hosts.some((host) => 'refused' in host);
  return {
    document: { kind: 'InstallPlan', nodes: hosts },
    table: hosts.map(hostText).join('\n\n'),
    exit: failures.length > 0 ? exitOf(failures) : refused ? 'refused' : 'ok',
    notes: [...failures.flatMap(failureNotes), 'nothing was changed; next: the same without --dry-run'],
  };
}

type PlanOf =
  | { readonly refused: string; readonly next: string | undefined }
  | {
      readonly kept: readonly string[];
      readonly steps: readonly { readonly step: string; readonly run: readonly string[] }[];
    };

function planOf({ plan, calls }: Look, tag: string): PlanOf {
  if (plan.kind === 'refuse') return { refused: plan.what, next: plan.next };
  return {
    kept: plan.kept,
    steps: plan.steps.map((step) => ({ step: step.kind, run: callsOf(step, calls, tag).map(shownCall) })),
  };
}

function callsOf(step: InstallStep, calls: Look['calls'], tag: string): readonly Call[] {
  // mktemp puts other letters for these.
  const someDirectory = `/var/tmp/etcd-agent-install.${tag}.XXXXXXXXXX`;
  switch (step.kind) {
    case 'copy':
      return [calls.makeRoom(), calls.copy(step, someDirectory)];
    case 'install':
      return [calls.install(step, someDirectory)];
    case 'installFromRepository':
      return [calls.installFromRepository(step)];
    case 'token':
      return [calls.token()];
    case 'enable':
      return [calls.enable()];
    case 'answer':
      return [];
  }
}

function hostText(host: { readonly node: string; readonly host: string } & PlanOf): string {
  const head = `# ${host.node} (ssh ${host.host})`;
  if ('refused' in host)
    return `${head}: refused: ${host.refused}${host.next === undefined ? '' : `\n#   next: ${host.next}`}`;
  const kept = host.kept.length === 0 ? '' : `, has: ${host.kept.join(', ')}`;
  const lines = host.steps.flatMap(({ step, run }) => [
    `# ${step}${run.length === 0 ? ': a link from here to its agent' : ''}`,
    ...run,
  ]);
  return [`${head}${kept}`, ...lines].join('\n');
}
