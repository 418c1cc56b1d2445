/**
 * The program `etcd-agent`: argv, and the one place where errors are shown. Commands are loaded when they are asked for.
 */
import { Command, Option } from 'commander';
import { ConfigError, type ConfigKey, configKeys, flagName } from './config.js';
import { version } from './version.js';

/** Exit codes, the same numbers as the coordinator's. */
const exit = { ok: 0, failed: 1, usage: 2 } as const;

const descriptions: Readonly<Record<ConfigKey, string>> = {
  listen: 'address and port for coordinators and peers',
  stateDir: 'where identity, keys and spec are kept',
  runDir: 'where the permit for a first start is kept',
  serviceManager: 'auto, systemd or process',
  etcdBinary: 'the etcd to run',
  etcdConfigDir: 'where etcd.conf and the PEM files go',
  etcdUser: 'account that etcd runs as; empty: the own',
  logLevel: 'trace, debug, info, warn or error',
};

const program = new Command('etcd-agent')
  .description('Manages the etcd of this host: configuration, certificates, data dir, service.')
  .version(version, '-V, --version')
  .option('--config <file>', 'configuration file (default: /etc/etcd-agent/agent.yaml if it is there)')
  .showHelpAfterError('(etcd-agent --help shows what there is)')
  .exitOverride();
for (const key of configKeys) program.addOption(new Option(`${flagName(key)} <value>`, descriptions[key]));

program
  .command('run')
  .description('run the agent in the foreground; etcd goes on when it ends')
  .action(async () => (await import('./commands/run.js')).runAgent(sources()));
program
  .command('enrol')
  .description('install a join token made by coordinator token NODE')
  .requiredOption('--token-file <file>', 'the token; - reads standard input')
  .action(async (options: { tokenFile: string }) =>
    (await import('./commands/enrol.js')).enrol(sources(), options.tokenFile),
  );
program
  .command('status')
  .description('what this agent knows of itself and its etcd')
  .option('-o, --output <format>', 'table or json', 'table')
  .action(async (options: { output: string }) =>
    (await import('./commands/status.js')).status(sources(), options.output),
  );

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return exit.ok;
  } catch (error) {
    return show(error);
  }
}

function sources() {
  const { config, ...rest } = program.opts<{ config?: string } & Partial<Record<ConfigKey, string>>>();
  return { file: config, environment: process.env, flags: rest };
}

function show(error: unknown): number {
  const { code, exitCode, message } = error as { code?: string; exitCode?: number; message: string };
  // Commander has already printed its own.
  if (code?.startsWith('commander.')) return exitCode === 0 ? exit.ok : exit.usage;
  if (error instanceof ConfigError) {
    process.stderr.write('etcd-agent: the configuration has problems:\n');
    for (const { where, path, message: why } of error.problems) {
      process.stderr.write(`  ${[where, path, why].filter((part) => part !== '').join(': ')}\n`);
    }
    return exit.usage;
  }
  process.stderr.write(`etcd-agent: ${message}\n`);
  const next = (error as { next?: string }).next;
  if (next !== undefined) process.stderr.write(`  next: ${next}\n`);
  return exit.failed;
}
