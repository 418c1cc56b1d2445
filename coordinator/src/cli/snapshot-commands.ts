/** Snapshots of the cluster's data. */
import { command, context, duration, group, show, wholeNumber } from './program.js';

const keepDefault = 8;
const maxAgeMsDefault = 30 * 24 * 60 * 60 * 1000;

export function snapshotCommands(): void {
  const snapshot = group('snapshot', "snapshots of the cluster's data");
  command(
    snapshot,
    'save [file]',
    'save one from the member that it costs least, a follower where there is one',
  )
    .option('--from <node>', 'from the member of this node, even one that has lost touch with the others')
    .option('--verify', 'restore it on trial as well, as `snapshot verify` does')
    .action((file: string | undefined, options: { from?: string; verify?: boolean }) =>
      show(
        async () =>
          (await import('../commands/snapshot-save.js')).snapshotSave(await context(), {
            file,
            from: options.from,
            verify: options.verify === true,
          }),
        'own',
      ),
    );
  command(snapshot, 'list', 'those that were saved here, and those that agents keep').action(() =>
    show(async () => (await import('../commands/snapshot-list.js')).snapshotList(await context())),
  );
  command(
    snapshot,
    'verify <snapshot>',
    'check the bytes of a file (or NODE:NAME), and have an agent restore it on trial and read it',
  )
    .option('--on <node>', 'have the agent of this node do it')
    .action((what: string, options: { on?: string }) =>
      show(async () =>
        (await import('../commands/snapshot-verify.js')).snapshotVerify(await context(), what, options.on),
      ),
    );
  command(snapshot, 'prune', 'remove saved and sent ones that newer verified ones have overtaken')
    .option('--keep <count>', 'so many verified ones stay', wholeNumber, keepDefault)
    .option(
      '--max-age <duration>',
      'older ones go, the newest verified one excepted',
      duration,
      maxAgeMsDefault,
    )
    .option('--dry-run', 'print what would go, remove nothing')
    .option('-y, --yes', 'do not ask')
    .action((options: { keep: number; maxAge: number; dryRun?: boolean; yes?: boolean }) =>
      show(async () =>
        (await import('../commands/snapshot-prune.js')).snapshotPrune(await context(), {
          keep: options.keep,
          maxAgeMs: options.maxAge,
          dryRun: options.dryRun === true,
          yes: options.yes === true,
        }),
      ),
    );
}
