/** A cluster on this machine. */
import { command, context, group, print, show, wholeNumber } from './program.js';

export function playgroundCommands(): void {
  const playground = group('playground', 'a cluster of real agents and etcds on this machine');
  command(playground, 'up', 'make one, or start a stopped one again')
    .option('--nodes <n>', 'how many', wholeNumber, 3)
    .option('--dir <dir>', 'where; nothing outside it is touched')
    .option('--etcd <path>', 'the etcd to run (ETCD_BIN; default: the one on the PATH)')
    .option('--detach', 'return when it is healthy instead of waiting for Ctrl-C')
    .action((options: { nodes: number; dir?: string; etcd?: string; detach?: boolean }) =>
      show(async () => {
        const { progress } = await context();
        const flags = {
          nodes: options.nodes,
          dir: options.dir,
          etcd: options.etcd,
          detach: options.detach === true,
        };
        return (await import('../commands/playground.js')).playgroundUp(
          progress,
          flags,
          (view) => void print(view),
        );
      }, 'own'),
    );
  command(playground, 'status', 'how it stands')
    .option('--dir <dir>', 'where it is')
    .action((options: { dir?: string }) =>
      show(async () =>
        (await import('../commands/playground.js')).playgroundStatus((await context()).progress, options.dir),
      ),
    );
  command(playground, 'down', 'stop it and remove its directory')
    .option('--dir <dir>', 'where it is')
    .option('--keep', 'stop it only; playground up goes on with the same data')
    .action((options: { dir?: string; keep?: boolean }) =>
      show(async () =>
        (await import('../commands/playground.js')).playgroundDown((await context()).progress, {
          dir: options.dir,
          keep: options.keep === true,
        }),
      ),
    );
  command(playground, 'demo', 'up, a write, a read, health, down')
    .option('--nodes <n>', 'how many', wholeNumber, 3)
    .option('--etcd <path>', 'the etcd to run (ETCD_BIN; default: the one on the PATH)')
    .action((options: { nodes: number; etcd?: string }) =>
      show(async () => {
        const [{ demo }, { findEtcd }] = await Promise.all([
          import('../playground/demo.js'),
          import('../playground/etcd-binary.js'),
        ]);
        return demo(findEtcd(options.etcd), options.nodes, (await context()).progress, print);
      }, 'own'),
    );
}
