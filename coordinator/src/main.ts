/**
 * The program `coordinator`: argv, what is printed, and the one error boundary. Commands are loaded when they are asked for,
 * so that help and completion are quick.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from './commands/context.js';
import { exitCodes } from './failure.js';
import { type OutputFormat, outputFormats, type View } from './output/view.js';
import { version } from './version.js';

/** Long enough to walk to the host, short enough that a forgotten file is worth nothing. */
const tokenMsDefault = 24 * 60 * 60 * 1000;

const program = new Command('coordinator')
  .description(
    'Bootstraps and watches etcd clusters through the etcd-agent of every host. Holds the CA keys.',
  )
  .version(version, '-V, --version')
  .option('--state <dir>', 'state directory (COORDINATOR_STATE; root: /var/lib/etcd-coordinator)')
  .addOption(
    new Option('-o, --output <format>', 'table, json or yaml').choices(outputFormats).default('table'),
  )
  .addHelpText(
    'after',
    `
Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded but quorate, 4 no quorum, 5 unreachable,
            6 refused by a safety gate, 7 certificate or identity, 130 interrupted.
First steps: coordinator template > cluster.yaml; coordinator init -f cluster.yaml;
             coordinator token NODE for every node; coordinator check; coordinator bootstrap.
A whole cluster on this machine: coordinator playground up`,
  )
  .showHelpAfterError('(coordinator --help shows what there is)')
  .exitOverride();

command(program, 'template', 'print a commented topology')
  .option('--schema', 'its JSON schema instead, for editors')
  .action((options: { schema?: boolean }) =>
    show(async () => (await import('./commands/template.js')).template({ schema: options.schema === true })),
  );
command(program, 'init', 'make the CAs and the state directory from a topology')
  .requiredOption('-f, --file <file>', 'the topology')
  .action((options: { file: string }) =>
    show(async () => (await import('./commands/init.js')).init(await context(), options.file)),
  );
command(program, 'token <node>', 'make a one-time join token for a node')
  .option('--ttl <duration>', 'how long it may be used, such as 30m or 24h', duration, tokenMsDefault)
  .action((node: string, options: { ttl: number }) =>
    show(async () => (await import('./commands/token.js')).token(await context(), node, options.ttl)),
  );
command(program, 'check', 'look at every node before a bootstrap; all findings at once').action(() =>
  show(async () => (await import('./commands/check.js')).check(await context())),
);
command(program, 'bootstrap', 'enrol, check, certify, configure and start; goes on after any interruption')
  .option('--dry-run', 'print the plan, change nothing')
  .option('-y, --yes', 'do not ask')
  .option('--reset', 'give up an unfinished bootstrap: its data dirs are moved aside, a new one begins')
  .option('--timeout <duration>', 'how long the members may take to become healthy', duration, 120_000)
  .action((options: { dryRun?: boolean; yes?: boolean; reset?: boolean; timeout: number }) =>
    show(async () =>
      (await import('./commands/bootstrap.js')).bootstrapCommand(await context(), {
        dryRun: options.dryRun === true,
        yes: options.yes === true,
        reset: options.reset === true,
        timeoutMs: options.timeout,
      }),
    ),
  );
command(program, 'status', 'cluster, members, agents, certificates').action(() =>
  show(async () => (await import('./commands/status.js')).status(await context())),
);
const member = group('member', 'members of the cluster');
command(member, 'list', "etcd's member list").action(() =>
  show(async () => (await import('./commands/members.js')).memberList(await context())),
);
command(program, 'health', 'health of every endpoint, as etcdctl prints it').action(() =>
  show(async () => (await import('./commands/members.js')).health(await context())),
);
command(program, 'env', 'shell exports for etcdctl').action(() =>
  show(async () => (await import('./commands/env.js')).env(await context())),
);
const state = group('state', 'carry the state, CA keys included, to another host');
command(state, 'export <file>', 'into an encrypted file')
  .option('--passphrase-file <file>', 'first line is the passphrase')
  .action((file: string, options: { passphraseFile?: string }) =>
    show(async () =>
      (await import('./commands/state.js')).exportState(await context(), file, options.passphraseFile),
    ),
  );
command(state, 'import <file>', 'from an encrypted file, into a new state directory')
  .option('--passphrase-file <file>', 'first line is the passphrase')
  .action((file: string, options: { passphraseFile?: string }) =>
    show(async () =>
      (await import('./commands/state.js')).importState(await context(), file, options.passphraseFile),
    ),
  );
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
      return (await import('./commands/playground.js')).playgroundUp(
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
      (await import('./commands/playground.js')).playgroundStatus((await context()).progress, options.dir),
    ),
  );
command(playground, 'down', 'stop it and remove its directory')
  .option('--dir <dir>', 'where it is')
  .option('--keep', 'stop it only; playground up goes on with the same data')
  .action((options: { dir?: string; keep?: boolean }) =>
    show(async () =>
      (await import('./commands/playground.js')).playgroundDown((await context()).progress, {
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
        import('./playground/demo.js'),
        import('./playground/etcd-binary.js'),
      ]);
      return demo(findEtcd(options.etcd), options.nodes, (await context()).progress, print);
    }, 'own'),
  );

// `coordinator status | head` closes the pipe early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
try {
  await program.parseAsync();
} catch (error) {
  const { code, exitCode } = error as { code?: string; exitCode?: number };
  if (code?.startsWith('commander.')) process.exitCode = exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  else throw error;
}
// A gRPC dial to an etcd that listens and does not serve (a member without quorum does that) cannot be taken back: it would
// keep this process for as long as etcd waits, with its answer given long ago.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((resolve) => void stream.write('', () => resolve()));
}
process.exit();

function command(parent: Command, nameAndArgs: string, description: string): Command {
  return parent
    .command(nameAndArgs)
    .description(description)
    .showHelpAfterError('(--help shows what there is)');
}

function group(name: string, description: string): Command {
  return program.command(name).description(description).showHelpAfterError('(--help shows what there is)');
}

async function context(): Promise<CommandContext> {
  const [{ stateDirPath }, { chooseProgress }] = await Promise.all([
    import('./state/state-dir.js'),
    import('./progress.js'),
  ]);
  return { stateDir: stateDirPath(program.opts<{ state?: string }>().state), progress: chooseProgress() };
}

/**
 * Runs a command and prints what it returns. Ctrl-C ends at once with 130, unless the command sees to it itself: whatever it
 * was doing can be run again.
 */
async function show(run: () => Promise<View>, interrupts: 'exit' | 'own' = 'exit'): Promise<void> {
  if (interrupts === 'exit') {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.stderr.write('\ninterrupted; run the same command again: it goes on from what is true\n');
        process.exit(exitCodes.interrupted);
      });
    }
  }
  try {
    const view = await run();
    await print(view);
    process.exitCode = exitCodes[view.exit ?? 'ok'];
  } catch (error) {
    const { showFailure } = await import('./output/show-failure.js');
    const shown = showFailure(error);
    process.stderr.write(shown.text);
    process.exitCode = shown.exitCode;
  }
}

async function print(view: View): Promise<void> {
  const format = program.opts<{ output: OutputFormat }>().output;
  const { render } = await import('./output/render.js');
  process.stdout.write(render(view, format));
  for (const note of view.notes ?? []) process.stderr.write(`${note}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

/** Milliseconds of `90s`, `30m` or `24h`. */
function duration(text: string): number {
  const match = /^(\d{1,6})(s|m|h)$/.exec(text);
  if (match === null || Number(match[1]) === 0)
    throw new InvalidArgumentError('It is not a duration such as 90s, 30m or 24h.');
  return Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h'];
}
