/** What agents do by themselves: looking at it, and holding it. */
import { command, context, duration, group, outputFormat, program, show, wholeNumber } from './program.js';

interface EventOptions {
  readonly follow?: boolean;
  readonly node?: string;
  readonly since?: number;
  readonly limit?: number;
}

export function healingCommands(): void {
  const heal = group('heal', 'what agents do by themselves when an etcd fails');
  command(heal, 'status', 'policy, pause, repair and waiting of every node').action(() =>
    show(async () => (await import('../commands/heal.js')).healStatus(await context())),
  );
  command(heal, 'pause', 'no repair begins on any node for a while')
    .requiredOption('--for <duration>', 'how long, such as 30m or 2h', duration)
    .requiredOption('--reason <text>', 'for whoever asks why nothing heals')
    .action((options: { for: number; reason: string }) =>
      show(async () =>
        (await import('../commands/heal.js')).healPause(await context(), {
          forMs: options.for,
          reason: options.reason,
        }),
      ),
    );
  command(heal, 'resume', 'take a pause back').action(() =>
    show(async () => (await import('../commands/heal.js')).healResume(await context())),
  );
  command(program, 'events', 'what agents have decided, done and refused, by time')
    .option('--follow', 'go on with what comes, until Ctrl-C')
    .option('--node <name>', 'of one node only')
    .option('--since <duration>', 'not older than this, such as 1h', duration)
    .option('--limit <n>', 'the newest so many (100 where --since is not given)', wholeNumber)
    .action((options: EventOptions) =>
      show(
        async () => {
          const { events, followEvents } = await import('../commands/events.js');
          const flags = { node: options.node, sinceMs: options.since, limit: options.limit };
          return options.follow === true
            ? followEvents(await context(), flags, outputFormat())
            : events(await context(), flags);
        },
        options.follow === true ? 'own' : 'exit',
      ),
    );
}
