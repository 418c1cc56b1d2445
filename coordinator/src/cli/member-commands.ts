/** Members of the cluster, and one node at a time. */
import { command, context, duration, group, program, show } from './program.js';

interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** A large database takes minutes to arrive at a new member. */
const replaceMsDefault = 10 * 60_000;

export function memberCommands(): void {
  const member = group('member', 'members of the cluster');
  command(member, 'list', "etcd's member list").action(() =>
    show(async () => (await import('../commands/members.js')).memberList(await context())),
  );
  command(member, 'remove <node>', 'remove the member of a host that does not come back')
    .option('--dry-run', 'print the guards, change nothing')
    .option('-y, --yes', 'do not ask')
    .action((node: string, options: ChangeOptions) =>
      show(async () =>
        (await import('../commands/member-remove.js')).memberRemove(await context(), node, flags(options)),
      ),
    );
  command(member, 'replace <node>', 'have a node take its member out and in again, and watch it')
    .option('--dry-run', 'print guards and steps, change nothing')
    .option('-y, --yes', 'do not ask')
    .option(
      '--timeout <duration>',
      'how long to watch; the repair goes on by itself',
      duration,
      replaceMsDefault,
    )
    .action((node: string, options: ChangeOptions & { timeout: number }) =>
      show(async () =>
        (await import('../commands/member-replace.js')).memberReplace(await context(), node, {
          ...flags(options),
          timeoutMs: options.timeout,
        }),
      ),
    );
  command(program, 'explain <node>', 'what is seen of a node, what happens next, and what you can do').action(
    (node: string) =>
      show(async () => (await import('../commands/explain.js')).explain(await context(), node)),
  );
  const node = group('node', 'one host');
  command(
    node,
    'accept-disk <node>',
    'the new, empty file system under the data dir is the right one',
  ).action((name: string) =>
    show(async () => (await import('../commands/node.js')).acceptDisk(await context(), name)),
  );
}

function flags({ dryRun, yes }: ChangeOptions) {
  return { dryRun: dryRun === true, yes: yes === true };
}
