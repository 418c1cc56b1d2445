/** etcd itself, as a program on the hosts. */
import { command, context, group, show } from './program.js';

export function etcdCommands(): void {
  const etcd = group('etcd', 'etcd itself, as a program on the hosts');
  command(
    etcd,
    'install [nodes...]',
    'install the etcd that the topology names, where it is missing; starts nothing',
  )
    .option('--dry-run', 'print what would be installed where, change nothing')
    .option('--file <file>', 'the file of etcd.install, for a state that came from an export')
    .action((nodes: string[], options: { dryRun?: boolean; file?: string }) =>
      show(async () =>
        (await import('../commands/etcd-install.js')).etcdInstall(await context(), {
          nodes,
          dryRun: options.dryRun === true,
          file: options.file,
        }),
      ),
    );
}
