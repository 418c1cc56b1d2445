/** Going on without a quorum. */
import { command, context, duration, program, show } from './program.js';

/** A large database is read in as a whole when etcd starts. */
const timeoutMsDefault = 5 * 60_000;

interface RecoverOptions {
  readonly giveUp: string[];
  readonly from?: string;
  readonly resume?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly timeout: number;
}

export function recoveryCommands(): void {
  command(program, 'recover', 'no quorum is left: go on from the data of one survivor')
    .option('--give-up <node...>', 'hosts that cannot be reached and do not come back in time', [])
    .option('--from <node>', 'another survivor than the recommended one')
    .option('--resume', 'go on with what was interrupted; tell nodes that were away')
    .option('--dry-run', 'show what there is and what could be lost, change nothing')
    .option('-y, --yes', 'do not ask, with --confirm')
    .option('--confirm <name>', 'the name of the cluster, for scripts')
    .option('--timeout <duration>', 'how long the members may take to start', duration, timeoutMsDefault)
    .action((options: RecoverOptions) =>
      show(async () => {
        const { recover, resumeRecovery } = await import('../commands/recover.js');
        if (options.resume === true) return resumeRecovery(await context(), options.timeout);
        return recover(await context(), {
          giveUp: options.giveUp,
          from: options.from,
          dryRun: options.dryRun === true,
          yes: options.yes === true,
          confirm: options.confirm,
          timeoutMs: options.timeout,
        });
      }),
    );
}
