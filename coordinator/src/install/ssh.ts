/**
 * The operator's own ssh and scp, as found in PATH and as configured: keys, agent, jump hosts, known hosts. What is added is only
 * what running several at once without anybody at them needs. Passwords are never handled, host keys are always checked.
 */
import { type ProgramResult, runProgram } from '@etcd-agent/platform';
import { remoteWords, shownWord } from './remote-words.js';

export interface SshSettings {
  /** Given to ssh and scp as `-o`, before what is added here: of two the first counts. */
  readonly options: readonly string[];
  readonly configFile: string | undefined;
  readonly user: string | undefined;
}

/** Where a host is reached: an address, a name, or an alias of the operator's ssh configuration. */
export type SshHost = string;

/** One run of ssh or scp. */
export interface Call {
  readonly program: 'ssh' | 'scp';
  readonly args: readonly string[];
  /** What goes to its standard input; `joinToken` is filled in when it runs, and shown nowhere. */
  readonly input:
    | { readonly kind: 'none' }
    | { readonly kind: 'script'; readonly text: string }
    | { readonly kind: 'joinToken' };
  readonly msMax: number;
}

/** A script of scripts.ts on the host. */
export function scriptCall(
  host: SshHost,
  settings: SshSettings,
  script: {
    readonly text: string;
    readonly words?: readonly string[];
    readonly before?: readonly string[];
    readonly msMax: number;
  },
): Call {
  const words = [...(script.before ?? []), 'sh', '-s', '--', ...(script.words ?? [])];
  return sshCall(host, settings, words, { kind: 'script', text: script.text }, script.msMax);
}

export function sshCall(
  host: SshHost,
  settings: SshSettings,
  words: readonly string[],
  input: Call['input'],
  msMax: number,
): Call {
  // Plain words are the same to ssh one by one as in one text.
  const args = ['-T', '-x', ...commonArguments(settings), '--', host, ...remoteWords(words)];
  return { program: 'ssh', args, input, msMax };
}

/** `from`: absolute, or scp would take what is before a colon for a host. */
export function scpCall(host: SshHost, settings: SshSettings, from: string, to: string, msMax: number): Call {
  const args = [...commonArguments(settings), '--', from, `${bracketed(host)}:${remoteWords([to])[0]}`];
  return { program: 'scp', args, input: { kind: 'none' }, msMax };
}

function commonArguments({ options, configFile, user }: SshSettings): string[] {
  const ours = [
    // Nobody could answer a question: several run at once.
    'BatchMode=yes',
    ...options,
    // ssh takes the first value that it is given: a configuration that does not check is not obeyed here.
    'StrictHostKeyChecking=yes',
    'ConnectTimeout=10',
    // A host that goes away while a package is installed is noticed within half a minute.
    'ServerAliveInterval=10',
    'ServerAliveCountMax=3',
    // A master connection that stays behind would hold our pipes; one that is there is used.
    'ControlMaster=no',
    // Forwardings of the operator's configuration would collide, and are of no use here.
    'ClearAllForwardings=yes',
    ...(user === undefined ? [] : [`User=${user}`]),
  ];
  return [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...ours.flatMap((option) => ['-o', option]),
  ];
}

/** An IPv6 address in brackets, as scp needs it; a user before it stays. */
function bracketed(host: SshHost): string {
  const at = host.lastIndexOf('@');
  const name = host.slice(at + 1);
  return name.includes(':') ? `${host.slice(0, at + 1)}[${name}]` : host;
}

/** Runs it to its end; killed once `signal` is aborted. Never rejects. */
export function runCall(
  { program, args, input, msMax }: Call,
  joinToken: string,
  signal: AbortSignal,
): Promise<ProgramResult> {
  const text = input.kind === 'script' ? input.text : input.kind === 'joinToken' ? `${joinToken}\n` : '';
  return runProgram(program, args, { timeoutMs: msMax, env: ownEnvironment(), input: text, signal });
}

/** The operator's own: the agent's socket is in it. Messages are wanted in English, to be recognised. */
function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { ...Object.fromEntries(entries), LC_ALL: 'C' };
}

/** What a person types to reach the host in the same way. */
export function byHand(host: SshHost, { options, configFile, user }: SshSettings): string {
  const given = [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...[...options, ...(user === undefined ? [] : [`User=${user}`])].flatMap((option) => ['-o', option]),
  ];
  return ['ssh', ...given, host].map(shownWord).join(' ');
}

/** As a person could type it. A script stands where a shell would read it from. */
export function shownCall({ program, args, input }: Call): string {
  const line = [program, ...args].map(shownWord).join(' ');
  if (input.kind === 'script') return `${line} <<'SCRIPT'\n${input.text}SCRIPT`;
  return input.kind === 'joinToken' ? `${line}    # the join token goes to its standard input` : line;
}
