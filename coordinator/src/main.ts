/**
 * The program `coordinator`. What it can do is registered by the files in cli/; here it is run, and ends.
 */
import { program } from './cli/whole-program.js';
import { exitCodes } from './failure.js';

// `coordinator status | head` closes the pipe early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
// A promise that nobody keeps any more: the command has not done its work, and a script must not take it for done.
process.once('beforeExit', () => {
  process.stderr.write('error: ended before its work was done\n  next:  run the same command again\n');
  process.exitCode = exitCodes.failed;
});
// No module of a bundle can wait for itself.
void run();

async function run(): Promise<never> {
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
}
