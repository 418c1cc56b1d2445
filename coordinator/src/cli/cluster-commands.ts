/** From a topology to a cluster, and what the cluster says of itself. */
import { command, context, duration, program, show, wholeNumber } from './program.js';

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
  installCommand();
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

function installCommand(): void {
  const several = (value: string, before: readonly string[]) => [...before, value];
  command(
    program,
    'install [nodes...]',
    'put the agent on its hosts, over your own ssh; all nodes where none is named',
  )
    .option(
      '--package <file>',
      'a .deb or .rpm of etcd-agent; one of each: hosts take what fits them',
      several,
      [],
    )
    .option('--repo', 'install from a repository that the hosts have configured')
    .option('--user <name>', 'the account on the hosts; not root: sudo without a password is used')
    .option('--host <node=host>', 'where ssh reaches a node; its address where not given', several, [])
    .option('--ssh-option <key=value>', 'given to ssh and scp as -o', several, [])
    .option('--ssh-config <file>', 'given to ssh and scp as -F')
    .option('--parallel <n>', 'hosts at a time', wholeNumber, 10)
    .option('--dry-run', 'look at the hosts and print what would be run where, change nothing')
    .option('--manual', 'no ssh: print the three commands to run on each host')
    .addHelpText('after', installHelp)
    .action((nodes: string[], options: InstallOptions) =>
      // It cleans up on the hosts when it is interrupted.
      show(
        async () =>
          (await import('../commands/install.js')).install(await context(), nodes, {
            packages: options.package,
            repository: options.repo === true,
            hosts: options.host,
            user: options.user,
            sshOptions: options.sshOption,
            sshConfig: options.sshConfig,
            parallel: Math.max(1, options.parallel),
            dryRun: options.dryRun === true,
            manual: options.manual === true,
          }),
        'own',
      ),
    );
}

interface InstallOptions {
  readonly package: string[];
  readonly repo?: boolean;
  readonly user?: string;
  readonly host: string[];
  readonly sshOption: string[];
  readonly sshConfig?: string;
  readonly parallel: number;
  readonly dryRun?: boolean;
  readonly manual?: boolean;
}

const installHelp = `
Run it again after any failure or interruption: it goes on from what is true. Nothing is asked, neither passwords nor
passphrases nor about host keys: ssh to a host once by hand, ssh-add, and let the account use sudo without a password.
Without ssh, on every host as root, with the package there:
  apt-get install -y ./etcd-agent_*.deb       (or dnf install -y --disablerepo='*' ./etcd-agent-*.rpm)
  etcd-agent enrol --token-file -             (paste what coordinator token NODE prints here, Enter, Ctrl-D)
  systemctl enable --now etcd-agent`;
