/** From a topology to a cluster, and what the cluster says of itself. */
import { command, context, duration, program, show } from './program.js';

/** Long enough to walk to the host, short enough that a forgotten file is worth nothing. */
const tokenMsDefault = 24 * 60 * 60 * 1000;

export function clusterCommands(): void {
  command(program, 'template', 'print a commented topology')
    .option('--schema', 'its JSON schema instead, for editors')
    .action((options: { schema?: boolean }) =>
      show(async () =>
        (await import('../commands/template.js')).template({ schema: options.schema === true }),
      ),
    );
  command(program, 'init', 'make the CAs and the state directory from a topology')
    .requiredOption('-f, --file <file>', 'the topology')
    .action((options: { file: string }) =>
      show(async () => (await import('../commands/init.js')).init(await context(), options.file)),
    );
  command(program, 'token <node>', 'make a one-time join token for a node')
    .option('--ttl <duration>', 'how long it may be used, such as 30m or 24h', duration, tokenMsDefault)
    .option('--replace', 'for a reinstalled host: its agent takes the place of its former member')
    .action((node: string, options: { ttl: number; replace?: boolean }) =>
      show(async () =>
        (await import('../commands/token.js')).token(await context(), node, {
          lifeMs: options.ttl,
          replace: options.replace === true,
        }),
      ),
    );
  command(program, 'check', 'look at every node before a bootstrap; all findings at once').action(() =>
    show(async () => (await import('../commands/check.js')).check(await context())),
  );
  command(program, 'bootstrap', 'enrol, check, certify, configure and start; goes on after any interruption')
    .option('--dry-run', 'print the plan, change nothing')
    .option('-y, --yes', 'do not ask')
    .option('--reset', 'give up an unfinished bootstrap: its data dirs are moved aside, a new one begins')
    .option('--timeout <duration>', 'how long the members may take to become healthy', duration, 120_000)
    .action((options: { dryRun?: boolean; yes?: boolean; reset?: boolean; timeout: number }) =>
      show(async () =>
        (await import('../commands/bootstrap.js')).bootstrapCommand(await context(), {
          dryRun: options.dryRun === true,
          yes: options.yes === true,
          reset: options.reset === true,
          timeoutMs: options.timeout,
        }),
      ),
    );
  command(program, 'apply', 'give a running cluster the healing policy of an edited topology')
    .requiredOption('-f, --file <file>', 'the topology; only its healing section may differ')
    .option('--dry-run', 'print what differs, change nothing')
    .action((options: { file: string; dryRun?: boolean }) =>
      show(async () =>
        (await import('../commands/apply.js')).apply(await context(), {
          file: options.file,
          dryRun: options.dryRun === true,
        }),
      ),
    );
  command(program, 'status', 'cluster, members, agents, certificates').action(() =>
    show(async () => (await import('../commands/status.js')).status(await context())),
  );
  command(program, 'health', 'health of every endpoint, as etcdctl prints it').action(() =>
    show(async () => (await import('../commands/members.js')).health(await context())),
  );
  command(program, 'env', 'shell exports for etcdctl').action(() =>
    show(async () => (await import('../commands/env.js')).env(await context())),
  );
}
