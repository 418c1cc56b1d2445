/**
 * The command line of `etcd-agent`: which commands and options there are. Manual page and shell completion are made from it
 * too, so nothing runs here; commands are loaded when they are asked for.
 */
import { Command, Option } from 'commander';
import { type ConfigKey, configKeys, flagName } from './config.js';
import { version } from './version.js';

const descriptions: Readonly<Record<ConfigKey, string>> = {
  listen: 'address and port for coordinators and peers',
  stateDir: 'where identity, keys and spec are kept',
  runDir: 'where the permit for a first start is kept',
  serviceManager: 'auto, systemd or process',
  etcdBinary: 'the etcd to run; auto: one installed by a coordinator, else /usr/bin/etcd',
  etcdConfigDir: 'where etcd.conf and the PEM files go',
  etcdUser: 'account that etcd runs as; empty: the own',
  logLevel: 'trace, debug, info, warn or error',
};

export const program = new Command('etcd-agent')
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

function sources() {
  const { config, ...rest } = program.opts<{ config?: string } & Partial<Record<ConfigKey, string>>>();
  return { file: config, environment: process.env, flags: rest };
}
