// Child processes: quiet ones whose output goes to a log and is shown only when they fail, and loud ones that share
// our terminal. No shell is ever used.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join, relative } from 'node:path';
import { Failure, likelyCause } from './failure.mjs';
import { logs, root } from './paths.mjs';

const tailLines = 15;

/**
 * Runs a command and returns what it did; rejects only when it cannot be started at all (the error of spawn).
 * @returns {Promise<{ code: number, stdout: string, output: string }>} output is stdout and stderr as they came
 */
export function capture(command, args, { cwd = root, env = process.env, niceness = 0 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    // An interrupted setup leaves nothing running behind.
    const stop = () => child.kill();
    process.once('exit', stop);
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness);
    child.on('close', (code, signal) => {
      process.off('exit', stop);
      resolve({ code: code ?? exitCodeOfSignal(signal), stdout, output });
    });
  });
}

/**
 * Runs a command that must succeed; its output goes to `.cache/logs/<log>.log`.
 * @param {{ log: string, what: string, cwd?: string, env?: NodeJS.ProcessEnv, next?: string }} options `what`: the
 *   sentence a person reads when it fails
 * @throws {Failure} with the tail of the output, the log's path and a likely cause
 */
export async function run(command, args, { log, what, next, ...options }) {
  const where = [command, ...args].join(' ');
  const result = await capture(command, args, options).catch((error) => {
    throw new Failure({ what, where, cause: error.message, next });
  });
  const logFile = writeLog(log, `$ ${where}\n${result.output}`);
  if (result.code === 0) return result;
  const tail = result.output.trimEnd().split('\n').slice(-tailLines).join('\n');
  const likely = likelyCause(result.output);
  throw new Failure({ what, where, tail, log: logFile, next, ...likely });
}

/** Writes `.cache/logs/<name>.log`; returns its path relative to the checkout, for messages. */
export function writeLog(name, text) {
  mkdirSync(logs, { recursive: true });
  const file = join(logs, `${name}.log`);
  writeFileSync(file, text);
  return relative(root, file);
}

/**
 * Runs a command on our own terminal and returns its exit code. On Ctrl-C, which reaches the child from the terminal
 * itself, and on SIGTERM, which is handed on, the child ends in its own way and then so do we: nothing further is run.
 */
export function runInTerminal(command, args, { env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
    let interrupted = false;
    const onInterrupt = () => {
      interrupted = true;
    };
    const onTerminate = () => {
      interrupted = true;
      child.kill('SIGTERM');
    };
    process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
      if (interrupted) process.exit(code || (signal ? exitCodeOfSignal(signal) : 130));
      resolve(code ?? exitCodeOfSignal(signal));
    });
  });
}

function exitCodeOfSignal(signal) {
  return signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 137;
}
