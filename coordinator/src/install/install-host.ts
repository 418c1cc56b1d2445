/**
 * One host, from a look at it to an agent that answers: probe, plan, carry out, and plan again once the package is there, since
 * only an agent can say what it already is. Every step can be repeated.
 */
import type { ProgramResult } from '@etcd-agent/platform';
import { Failure } from '../failure.js';
import { waitForAnswer } from './answer.js';
import { callsOf, type HostCalls } from './calls.js';
import type { InstallContext, Target } from './context.js';
import { diagnose } from './diagnosis.js';
import { type InstallPlan, type InstallStep, orByHand, planInstall } from './plan/plan.js';
import { type HostProbe, parseProbe } from './plan/probe.js';
import { byHand, type Call, runCall } from './ssh.js';
import { sshFailure } from './ssh-failure.js';
import { joinTokenFor, wishFor } from './wish.js';

/** Of what failed on a host. A package manager that was tried in two ways says four lines of each, below a heading. */
export const saidLinesMax = 10;

/** How far one host came. Steps that were carried out, whatever came after. */
export interface HostOutcome {
  readonly version: string | undefined;
  readonly before: string | undefined;
  readonly done: readonly InstallStep['kind'][];
  readonly kept: readonly string[];
  readonly failure: Failure | undefined;
}

export interface Look {
  readonly probe: HostProbe;
  readonly plan: InstallPlan;
  readonly calls: HostCalls;
}

/** Looks only. Throws Failure. */
export async function lookAt(target: Target, context: InstallContext, packageDone = false): Promise<Look> {
  const unknown = callsOf(target.host, context.settings, context.tag, false);
  const result = await call(target, context, unknown.probe());
  const reading = parseProbe(result.stdout);
  if (reading.kind === 'unreadable') {
    throw new Failure({
      exit: 'failed',
      what: `${target.place.name} cannot be looked at: ${reading.why}`,
      where: [`${target.place.name} (ssh ${target.host})`],
      cause: 'the account there has no POSIX shell, or may run one command only',
      next: `--user NAME with an account that has a shell, ${orByHand}`,
    });
  }
  const { probe } = reading;
  const plan = planInstall(probe, await wishFor(target, context), packageDone);
  const calls = callsOf(target.host, context.settings, context.tag, probe.root.kind === 'sudo');
  return { probe, plan, calls };
}

/** Never rejects: what went wrong is part of the outcome. */
export async function installOnHost(target: Target, context: InstallContext): Promise<HostOutcome> {
  const { place } = target;
  const work = new Work(target, context);
  try {
    context.tell(place, 'looking');
    let look = await lookAt(target, context);
    const { deb, rpm } = look.probe.installed;
    work.before = deb ?? rpm;
    work.version = work.before;
    let remaining = stepsOf(target, look, work);
    while (remaining.length > 0) {
      const [step, ...rest] = remaining;
      if (context.signal.aborted) throw interrupted();
      await work.carryOut(step!, look);
      work.done.push(step!.kind);
      remaining = rest;
      if (step!.kind === 'install' || step!.kind === 'installFromRepository') {
        look = await lookAt(target, context, true);
        assertInstalled(target, look.probe, step!);
        work.version = look.probe.installed.deb ?? look.probe.installed.rpm;
        remaining = stepsOf(target, look, work);
      }
    }
    return work.outcome(undefined);
  } catch (error) {
    const failure = context.signal.aborted ? interrupted() : error;
    return work.outcome(failure instanceof Failure ? failure : unexpected(target, failure));
  } finally {
    await work.clearRoom();
  }
}

function stepsOf({ place, host }: Target, { plan }: Look, work: Work): readonly InstallStep[] {
  if (plan.kind === 'steps') {
    work.kept = plan.kept;
    return plan.steps;
  }
  throw new Failure({
    exit: 'refused',
    what: `${place.name}: ${plan.what}`,
    where: [`${place.name} (ssh ${host})`],
    next: plan.next,
  });
}

/** A package manager that ends well and has not installed what it was given would be asked for ever. */
function assertInstalled({ place }: Target, { installed, status }: HostProbe, step: InstallStep): void {
  const found = step.kind === 'install' ? installed[step.file.kind] : (installed.deb ?? installed.rpm);
  const right = step.kind === 'install' ? found === step.file.version : found !== undefined;
  if (right && status.kind !== 'absent') return;
  throw new Failure({
    exit: 'failed',
    what: `the package manager of ${place.name} ended well, and ${found === undefined ? 'no etcd-agent' : `etcd-agent ${found}`} is installed`,
    next: `on ${place.name}: look at the log of apt or dnf, and at: etcd-agent --version`,
  });
}

/** The executors, one for each step kind, and what they leave behind until the end. */
class Work {
  readonly done: InstallStep['kind'][] = [];
  kept: readonly string[] = [];
  before: string | undefined;
  version: string | undefined;
  private room: { readonly directory: string; readonly calls: HostCalls } | undefined;

  constructor(
    private readonly target: Target,
    private readonly context: InstallContext,
  ) {}

  async carryOut(step: InstallStep, { calls }: Look): Promise<void> {
    const { target, context } = this;
    context.tell(target.place, saying[step.kind]);
    switch (step.kind) {
      case 'copy':
        await call(target, context, calls.copy(step, await this.makeRoom(calls)));
        return;
      case 'install': {
        const directory = await this.makeRoom(calls);
        // From here it is the script that removes it, also where we do not hear of its end.
        this.room = undefined;
        await call(target, context, calls.install(step, directory), 'the package was not installed');
        return;
      }
      case 'installFromRepository':
        await call(target, context, calls.installFromRepository(step), 'the package was not installed');
        return;
      case 'token':
        await call(
          target,
          context,
          calls.token(),
          'the join token was not taken',
          await joinTokenFor(target, context, step.which),
        );
        return;
      case 'enable':
        await call(target, context, calls.enable(), 'etcd-agent.service was not started');
        return;
      case 'answer':
        return this.answer(calls);
    }
  }

  outcome(failure: Failure | undefined): HostOutcome {
    const { before, version, done, kept } = this;
    return { before, version, done, kept, failure };
  }

  /** Best effort, also after an interruption: what stays is removed by the next run. */
  async clearRoom(): Promise<void> {
    const { room, context } = this;
    if (room === undefined) return;
    await runCall(
      { ...room.calls.clearRoom(room.directory), msMax: 5_000 },
      '',
      new AbortController().signal,
    );
    context.tell(this.target.place, 'cleaned up');
  }

  private async makeRoom(calls: HostCalls): Promise<string> {
    if (this.room !== undefined) return this.room.directory;
    const { stdout } = await call(
      this.target,
      this.context,
      calls.makeRoom(),
      'there is no room for the package',
    );
    const directory = /^directory (\/var\/tmp\/etcd-agent-install\.[0-9a-f]+\.\w+)$/m.exec(stdout)?.[1];
    if (directory === undefined) {
      throw new Failure({
        exit: 'failed',
        what: `${this.target.place.name} made no directory for the package`,
        where: lastLines(stdout),
      });
    }
    this.room = { directory, calls };
    return directory;
  }

  private async answer(calls: HostCalls): Promise<void> {
    const { target, context } = this;
    const answer = await waitForAnswer(target.place, context.reach, context.signal);
    if (answer.kind === 'answered') {
      this.version ??= answer.version;
      return;
    }
    if (answer.kind === 'failed' || context.signal.aborted) throw answer.failure;
    const { stdout } = await call(target, context, calls.diagnose()).catch(() => ({ stdout: '' }));
    throw diagnose(target.place, stdout, answer.refused);
  }
}

const saying: Readonly<Record<InstallStep['kind'], string>> = {
  copy: 'copying the package',
  install: 'installing',
  installFromRepository: 'installing from its repository',
  token: 'placing the join token',
  enable: 'starting etcd-agent',
  answer: 'waiting for its agent',
};

/** Throws Failure where ssh fails, and where the program there does (`whatFailed`). */
async function call(
  { place, host }: Target,
  { settings, signal }: InstallContext,
  what: Call,
  whatFailed = 'a command failed',
  joinToken = '',
): Promise<ProgramResult> {
  const result = await runCall(what, joinToken, signal);
  if (signal.aborted) throw interrupted();
  const reached = { node: place.name, host, byHand: byHand(host, settings) };
  const failure = sshFailure(reached, what.program, result);
  if (failure !== undefined) throw failure;
  if (result.kind === 'exited' && result.code === 0) return result;
  throw new Failure({
    exit: 'failed',
    what: `${place.name}: ${whatFailed}`,
    where: lastLines(`${result.stdout}\n${result.stderr}`),
    next: `mend what it names on ${place.name}, then run the same command again: it goes on from what is true`,
  });
}

function lastLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-saidLinesMax);
}

function interrupted(): Failure {
  return new Failure({ exit: 'interrupted', what: 'interrupted' });
}

function unexpected({ place }: Target, error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return new Failure({ exit: 'failed', what: `${place.name}: ${message}` }, { cause: error });
}
