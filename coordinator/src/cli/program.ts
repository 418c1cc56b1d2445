/**
 * The command line's frame: global options, how a command is registered, how what it returns is printed, and the one error
 * boundary. Which commands there are is in the files beside this one; they load a command when it is asked for, so that
 * help and completion are quick.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../commands/context.js';
import { parseDuration } from '../durations.js';
import { exitCodes } from '../failure.js';
import { type OutputFormat, outputFormats, type View } from '../output/view.js';
import { version } from '../version.js';

export const program = new Command('coordinator')
  .description(
    'Bootstraps and watches etcd clusters through the etcd-agent of every host. Holds the CA keys.',
  )
  .version(version, '-V, --version')
  .option('--state <dir>', 'state directory (COORDINATOR_STATE; root: /var/lib/etcd-coordinator)')
  .addOption(
    new Option('-o, --output <format>', 'table, json or yaml').choices(outputFormats).default('table'),
  )
  .addHelpText(
    'after',
    `
Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded but quorate, 4 no quorum, 5 unreachable,
            6 refused by a safety gate, 7 certificate or identity, 130 interrupted.
First steps: coordinator template > cluster.yaml; coordinator init -f cluster.yaml;
             coordinator install --package FILE; coordinator check; coordinator bootstrap.
A whole cluster on this machine: coordinator playground up`,
  )
  .showHelpAfterError('(coordinator --help shows what there is)')
  .exitOverride();

export function command(parent: Command, nameAndArgs: string, description: string): Command {
  return parent
    .command(nameAndArgs)
    .description(description)
    .showHelpAfterError('(--help shows what there is)');
}

export function group(name: string, description: string): Command {
  return program.command(name).description(description).showHelpAfterError('(--help shows what there is)');
}

export async function context(): Promise<CommandContext> {
  const [{ stateDirPath }, { chooseProgress }] = await Promise.all([
    import('../state/state-dir.js'),
    import('../progress.js'),
  ]);
  return { stateDir: stateDirPath(program.opts<{ state?: string }>().state), progress: chooseProgress() };
}

/**
 * Runs a command and prints what it returns. Ctrl-C ends at once with 130, unless the command sees to it itself: whatever it
 * was doing can be run again.
 */
export async function show(run: () => Promise<View>, interrupts: 'exit' | 'own' = 'exit'): Promise<void> {
  if (interrupts === 'exit') {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.stderr.write('\ninterrupted; run the same command again: it goes on from what is true\n');
        process.exit(exitCodes.interrupted);
      });
    }
  }
  try {
    const view = await run();
    await print(view);
    process.exitCode = exitCodes[view.exit ?? 'ok'];
  } catch (error) {
    const { showFailure } = await import('../output/show-failure.js');
    const shown = showFailure(error);
    process.stderr.write(shown.text);
    process.exitCode = shown.exitCode;
  }
}

export async function print(view: View): Promise<void> {
  const { render } = await import('../output/render.js');
  process.stdout.write(render(view, outputFormat()));
  for (const note of view.notes ?? []) process.stderr.write(`${note}\n`);
}

export function outputFormat(): OutputFormat {
  return program.opts<{ output: OutputFormat }>().output;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

/** Milliseconds of `90s`, `30m` or `24h`. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new InvalidArgumentError('It is not a duration such as 90s, 30m or 24h.');
  return ms;
}
