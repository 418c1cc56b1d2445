/** The coordinator's own state, on the way to another host. */
import { command, context, group, show } from './program.js';

export function stateCommands(): void {
  const state = group('state', 'carry the state, CA keys included, to another host');
  command(state, 'export <file>', 'into an encrypted file')
    .option('--passphrase-file <file>', 'first line is the passphrase')
    .action((file: string, options: { passphraseFile?: string }) =>
      show(async () =>
        (await import('../commands/state.js')).exportState(await context(), file, options.passphraseFile),
      ),
    );
  command(state, 'import <file>', 'from an encrypted file, into a new state directory')
    .option('--passphrase-file <file>', 'first line is the passphrase')
    .action((file: string, options: { passphraseFile?: string }) =>
      show(async () =>
        (await import('../commands/state.js')).importState(await context(), file, options.passphraseFile),
      ),
    );
}
