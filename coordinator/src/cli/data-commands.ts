/** The keys in etcd, as operators reset them. */
import { Option } from 'commander';
import { command, context, group, outputFormat, show, wholeNumber } from './program.js';

export function dataCommands(): void {
  const data = group('data', 'the keys in etcd');
  command(data, 'list [prefix]', 'how many keys there are below which paths; values are not read')
    .option('--depth <n>', 'how many segments of the path are told apart', wholeNumber)
    .option('--keys', 'the keys themselves, a line each')
    .action((prefix: string | undefined, options: { depth?: number; keys?: boolean }) =>
      show(async () =>
        (await import('../commands/data-list.js')).dataList(await context(), prefix ?? '', {
          depth: options.depth,
          keys: options.keys === true,
          format: outputFormat(),
        }),
      ),
    );
  command(data, 'get <key>', "a key's value, as it is; its revisions too with -o json").action(
    (key: string) =>
      show(async () =>
        (await import('../commands/data-get.js')).dataGet(await context(), key, outputFormat()),
      ),
  );
  command(data, 'delete [prefixes...]', 'delete all keys below prefixes, after a snapshot that was tried')
    .addOption(new Option('--preset <name>', 'what the runbook of that name deletes').choices(['openshift']))
    .option('--snapshot <file>', 'where the snapshot goes (a name that says what it is, in this directory)')
    .option('--dry-run', 'count the keys, change nothing')
    .option('-y, --yes', 'do not ask')
    .option('--confirm <name>', 'the name of the cluster, beside --yes')
    .action((prefixes: string[], options: DeleteOptions) =>
      show(
        async () =>
          (await import('../commands/data-delete.js')).dataDelete(await context(), {
            prefixes,
            preset: options.preset,
            snapshot: options.snapshot,
            dryRun: options.dryRun === true,
            yes: options.yes === true,
            confirm: options.confirm,
          }),
        // It ends between two transactions, and says how to undo them.
        'own',
      ),
    );
}

interface DeleteOptions {
  readonly preset?: 'openshift';
  readonly snapshot?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly confirm?: string;
}
