/**
 * ssh as an operator has it: a key, a configuration and known hosts of the test's own, all under its run directory. Nothing of
 * the developer's is read or written.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, must, type Output } from './commands.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { checkout, hostAddresses, labNamespace, runDir } from './places.js';

const home = join(runDir, 'ssh');
const key = join(home, 'id');
const knownHosts = join(home, 'known_hosts');

/** For `--ssh-config`. */
export const sshConfig = join(home, 'config');

/** While this is on a host, a copy that has begun goes no further. */
const hold = '/run/hold-sftp';
const held = `#!/bin/sh
while [ -e ${hold} ]; do sleep 0.1; done
exec /usr/lib/openssh/sftp-server
`;

/** The operator's key and configuration; no host is known. `perHost`: what the configuration says of one. */
export async function makeOperator(
  perHost: Partial<Record<keyof typeof hostAddresses, string>>,
): Promise<void> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'operator', '-f', key]);
  const blocks = Object.entries(perHost).map(
    ([name, lines]) => `Host ${hostAddresses[name as keyof typeof hostAddresses]}\n  ${lines}\n`,
  );
  const everywhere = [
    `IdentityFile ${key}`,
    'IdentitiesOnly yes',
    'IdentityAgent none',
    `UserKnownHostsFile ${knownHosts}`,
    'GlobalKnownHostsFile /dev/null',
  ];
  writeFileSync(sshConfig, `${blocks.join('')}Host *\n  ${everywhere.join('\n  ')}\n`);
  writeFileSync(knownHosts, '');
}

/** Host keys of its own, sftp that can be held, and sshd. */
export async function startSshd(host: Host): Promise<void> {
  host.write('/usr/local/bin/sftp-held', held);
  host.write('/etc/ssh/sshd_config.d/lab.conf', 'UseDNS no\nMaxStartups 100\n');
  const makeReady = `chmod +x /usr/local/bin/sftp-held; rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -A
    sed -i 's|^Subsystem.*|Subsystem sftp /usr/local/bin/sftp-held|' /etc/ssh/sshd_config; systemctl start ssh`;
  await host.must('sh', '-c', makeReady);
}

/** Lets the operator in as that account. */
export async function authorise(host: Host, account: string): Promise<void> {
  const script =
    'd=$(eval echo ~$1)/.ssh; mkdir -p -m 700 $d; echo "$2" > $d/authorized_keys; chown -R $1: $d';
  await host.must('sh', '-c', script, 'sh', account, (await must('cat', [`${key}.pub`])).trim());
}

/** As after the operator has looked at its fingerprint. */
export async function makeKnown(host: Host): Promise<void> {
  const hostKey = await host.must('cat', '/etc/ssh/ssh_host_ed25519_key.pub');
  appendFileSync(knownHosts, `${host.address} ${hostKey}\n`);
}

export const holdCopies = (host: Host) => host.must('touch', hold);
export const letCopiesGo = (host: Host) => host.must('rm', '-f', hold);

/** Ends the processes in which sshd serves the account. They show as root's: only their status says whose they are. */
export async function cutConnections(host: Host, account: string): Promise<void> {
  const script = `uid=$(id -u "$1")
    for process in $(grep -l '^sshd$' /proc/[0-9]*/comm 2>/dev/null | cut -d / -f 3); do
      if grep -q "^Uid:[[:space:]]$uid[[:space:]]" "/proc/$process/status"; then kill -KILL "$process"; fi
    done`;
  await host.must('sh', '-c', script, 'sh', account);
}

/** Directories that an installation has made on the host and not removed. */
export async function roomsOn(host: Host): Promise<string[]> {
  const names = await host.must('find', '/var/tmp', '-maxdepth', '1', '-name', 'etcd-agent-install.*');
  return names.split('\n').filter((name) => name !== '');
}

/** Processes of the host that run this program, or a script of this name. */
export async function processesOn(host: Host, program: string): Promise<string[]> {
  // A pattern that does not match itself.
  const pattern = `${program.slice(0, -1)}[${program.slice(-1)}]`;
  const { stdout } = await host.run('sh', '-c', 'grep -l -- "$1" /proc/[0-9]*/cmdline', 'sh', pattern);
  return stdout.split('\n').filter((line) => line !== '');
}

export interface UnderWay {
  /** What it has told of its progress. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Output>;
}

/** The `coordinator` under way, to be interrupted. */
export function startCoordinator(lab: Lab, args: readonly string[]): UnderWay {
  const program = join(checkout, 'coordinator', 'bin', 'coordinator.js');
  const words = ['netns', 'exec', labNamespace, process.execPath, program, '--state', lab.stateDir, ...args];
  const child = spawn('ip', words, { env: cleanEnvironment, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      text[name] += part;
    });
  }
  const ended = new Promise<Output>((resolve) => child.once('close', (code) => resolve({ code, ...text })));
  return { said: () => text.stderr, kill: (signal) => child.kill(signal), ended };
}
