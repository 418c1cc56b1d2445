/** From what ssh or scp said to the error that a person needs. Pure. */
import { describeResult, type ProgramResult } from '@etcd-agent/platform';
import { Failure, type FailureParts } from '../failure.js';
import { orByHand } from './plan/plan.js';

/** ssh's own status for everything that is not the remote program's; scp's is 1 or 255. */
const sshTrouble = 255;

const again = 'then run the same command again: it goes on from what is true';

/** A node and how a person reaches it by hand: `ssh -F FILE HOST`. */
export interface Reached {
  readonly node: string;
  readonly host: string;
  readonly byHand: string;
}

/** The failure of a connection, or undefined where the program on the host ran and ended by itself. */
export function sshFailure(
  reached: Reached,
  program: 'ssh' | 'scp',
  result: ProgramResult,
): Failure | undefined {
  if (result.kind === 'exited' && result.code === 0) return undefined;
  if (result.kind === 'exited' && program === 'ssh' && result.code !== sshTrouble) return undefined;
  return new Failure({
    where: [`${reached.node} (${reached.host})`],
    ...partsOf(reached, program, result),
  });
}

function partsOf({ node, host, byHand }: Reached, program: string, result: ProgramResult): FailureParts {
  const said = saidBy(result);
  if (result.kind === 'notStarted') {
    const cause = result.code === 'ENOENT' ? `there is no ${program} in PATH` : result.message;
    return {
      exit: 'failed',
      what: `${program} cannot be run here`,
      cause,
      next: `install openssh-client (openssh-clients), ${orByHand}`,
    };
  }
  if (result.kind === 'timedOut') {
    const what = `${program} to ${node} took longer than ${result.timeoutMs / 1000} s`;
    return { exit: 'unreachable', what, next: `${byHand} once and look, ${again}` };
  }
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i.test(said.all)) {
    return {
      exit: 'identity',
      what: `the ssh host key of ${node} is not the known one`,
      cause: 'the host was installed anew, another host has its address, or something sits in between',
      next: `find out which; if it was installed anew: ssh-keygen -R ${host}, ${byHand} once by hand, ${again}`,
    };
  }
  if (/Host key verification failed|No \S+ host key is known|authenticity of host/i.test(said.all)) {
    return {
      exit: 'identity',
      what: `the ssh host key of ${node} is not known here`,
      cause: said.last,
      next: `${byHand} once by hand and compare the fingerprint it shows, ${again}`,
    };
  }
  if (/Permission denied|Too many authentication failures|No supported authentication/i.test(said.all)) {
    return {
      exit: 'identity',
      what: `${node} does not let this account in by ssh`,
      cause: `${said.last}; nothing is asked for here, neither a password nor a passphrase`,
      next: `ssh-add (ssh-add -l shows what the agent has), --user NAME, or try by hand: ${byHand}; ${again}`,
    };
  }
  if (/Could not resolve|Name or service not known/i.test(said.all)) {
    return {
      exit: 'unreachable',
      what: `the name ${host} of ${node} is not known`,
      cause: said.last,
      next: `--host ${node}=NAME, or a Host in the ssh configuration`,
    };
  }
  if (/Received message too long|subsystem request failed/i.test(said.all)) {
    return {
      exit: 'failed',
      what: `${node} does not take files by scp`,
      cause: `${said.last}: no sftp there, or startup files of the account that print something`,
      next: `mend that, or without copying: --repo, ${orByHand}`,
    };
  }
  if (/No space left|write remote|Disk quota/i.test(said.all)) {
    return {
      exit: 'failed',
      what: `the package cannot be written on ${node}`,
      cause: said.last,
      next: `make room in /var/tmp of ${node}, ${again}`,
    };
  }
  // What a jump host says of the host behind it ends with its own connection closed.
  const cut =
    !/forwarding failed/i.test(said.all) &&
    /Connection closed|closed by|Broken pipe|reset by peer|lost connection|Timeout, server|kex_exchange/i.test(
      said.all,
    );
  return {
    exit: 'unreachable',
    what: cut ? `the ssh connection to ${node} was cut` : `${node} cannot be reached by ssh`,
    cause: said.last === '' ? describeResult(program, result) : said.last,
    next: `try by hand: ${byHand}; is sshd running there? ${again}`,
  };
}

function saidBy({ stderr }: ProgramResult): { all: string; last: string } {
  const lines = stderr.split(/\r?\n/).filter((line) => line.trim() !== '');
  return { all: lines.join('\n'), last: lines.slice(-2).join('; ').trim() };
}
