/**
 * The program `coordinator`. What it can do is registered by the files in cli/; here it is run, and ends.
 */
import { clusterCommands } from './cli/cluster-commands.js';
import { healingCommands } from './cli/healing-commands.js';
import { memberCommands } from './cli/member-commands.js';
import { playgroundCommands } from './cli/playground-commands.js';
import { program } from './cli/program.js';
import { stateCommands } from './cli/state-commands.js';
import { exitCodes } from './failure.js';

clusterCommands();
memberCommands();
healingCommands();
stateCommands();
playgroundCommands();

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
