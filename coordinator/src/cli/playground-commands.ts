/** A cluster on this machine. */
import type { Fault } from '../playground/break-node.js';
import { command, context, duration, group, print, show, wholeNumber } from './program.js';

/** Lines of what happens, as it happens; the data goes to stdout. */
const tell = (text: string) => void process.stderr.write(`${text}\n`);

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
  command(playground, 'break <node>', 'break one etcd and watch it heal; NODE may be leader or follower')
    .option('--kill', 'SIGKILL its etcd')
    .option('--hang', 'SIGSTOP its etcd')
    .option('--wipe', 'kill its etcd and delete its data')
    .option('--corrupt', 'kill its etcd and flip bytes in the middle of its log')
    .option('--remove', 'remove its member through another one')
    .option('--no-follow', 'return at once instead of watching the repair')
    .option('--timeout <duration>', 'how long to watch', duration, 120_000)
    .option('--dir <dir>', 'where the playground is')
    .action(
      (
        node: string,
        {
          follow,
          timeout,
          dir,
          ...named
        }: { follow: boolean; timeout: number; dir?: string } & Partial<Record<Fault, true>>,
      ) =>
        show(async () => {
          const flags = { dir, faults: Object.keys(named) as Fault[], follow, timeoutMs: timeout };
          return (await import('../commands/playground-break.js')).playgroundBreak(node, flags, tell);
        }, 'own'),
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
  command(
    playground,
    'demo',
    'up, one member killed and wiped under load, its repair, every write found again, down',
  )
    .option('--nodes <n>', 'how many', wholeNumber, 3)
    .option('--etcd <path>', 'the etcd to run (ETCD_BIN; default: the one on the PATH)')
    .action((options: { nodes: number; etcd?: string }) =>
      show(async () => {
        const [{ demo }, { findEtcd }] = await Promise.all([
          import('../playground/demo.js'),
          import('../playground/etcd-binary.js'),
        ]);
        return demo(findEtcd(options.etcd), options.nodes, (await context()).progress, print, tell);
      }, 'own'),
    );
}
