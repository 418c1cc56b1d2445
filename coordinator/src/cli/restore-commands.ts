/** Other data in the place of the cluster's, and taking that back. */
import { InvalidArgumentError } from 'commander';
import { command, context, duration, program, show } from './program.js';

/** A large database is read in as a whole when etcd starts. */
const timeoutMsDefault = 5 * 60_000;
/** What an agent takes. */
const bumpMax = 1_000_000_000_000;

interface Common {
  readonly without: string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly timeout: number;
}

interface RestoreOptions extends Common {
  readonly bumpRevision?: number;
  readonly skipHashCheck?: boolean;
  readonly resume?: boolean;
}

export function restoreCommands(): void {
  const restore = command(program, 'restore [file]', 'put a snapshot in the place of all data of the cluster')
    .option('--without <node...>', 'nodes that are gone for now: they rejoin when they are back', [])
    .option(
      '--bump-revision <n>',
      'raise the revision by so much (Kubernetes: 1000000000 by itself; 0: not)',
      revisions,
    )
    .option('--skip-hash-check', "take a copy of a member's database, which nothing vouches for")
    .option('--resume', 'go on with what was interrupted; tell nodes that were away')
    .option('--dry-run', 'look, try the snapshot on the nodes, print the plan')
    .option('-y, --yes', 'do not ask, with --confirm')
    .option('--confirm <name>', 'the name of the cluster, for scripts')
    .option('--timeout <duration>', 'how long the members may take to start', duration, timeoutMsDefault)
    .addHelpText('after', restoreHelp)
    .action((file: string | undefined, options: RestoreOptions) =>
      show(async () => {
        const { restore: run, resumeRestore, nameAFile } = await import('../commands/restore.js');
        if (options.resume === true) return resumeRestore(await context(), options.timeout);
        if (file === undefined) throw nameAFile();
        return run(await context(), file, {
          ...flags(options),
          bumpRevision: options.bumpRevision,
          skipHashCheck: options.skipHashCheck === true,
        });
      }),
    );
  command(
    restore,
    'undo',
    'take the newest restore back: the data that was there before is put in its place',
  ).action((_options: unknown, own: { optsWithGlobals(): Common }) =>
    show(async () =>
      (await import('../commands/restore-undo.js')).restoreUndo(
        await context(),
        flags(own.optsWithGlobals()),
      ),
    ),
  );
}

function flags({ without, dryRun, yes, confirm, timeout }: Common) {
  return { without, dryRun: dryRun === true, yes: yes === true, confirm, timeoutMs: timeout };
}

function revisions(text: string): number {
  const number = /^\d{1,13}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= bumpMax)) throw new InvalidArgumentError(`It is not a number from 0 to ${bumpMax}.`);
  return number;
}

const restoreHelp = `
Nothing is stopped before the snapshot has arrived on every node and was tried there, and nothing is deleted: the data of
before is moved aside and comes back with coordinator restore undo. Interrupted: coordinator restore --resume.`;
