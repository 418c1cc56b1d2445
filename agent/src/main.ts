/**
 * The program `etcd-agent`: runs the command line of program.ts, and is the one place where errors are shown.
 */
import { ConfigError } from './config.js';
import { program } from './program.js';

/** Exit codes, the same numbers as the coordinator's. */
const exit = { ok: 0, failed: 1, usage: 2 } as const;

// Until it has ended: a promise that nobody keeps any more must not pass for work that was done.
process.exitCode = exit.failed;
// No module of a bundle can wait for itself.
void main().then((code) => {
  process.exitCode = code;
});

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return exit.ok;
  } catch (error) {
    return show(error);
  }
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
