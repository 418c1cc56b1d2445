/** What is run for each step, to the letter: nothing of a topology reaches a shell, no secret is an argument. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { callsOf } from './calls.js';
import type { LocalPackage } from './plan/plan.js';
import { remoteWords, shownWord } from './remote-words.js';
import * as scripts from './scripts.js';
import { byHand, type SshSettings, shownCall } from './ssh.js';

const settings: SshSettings = {
  options: ['ProxyJump=bastion'],
  configFile: "/home/ann/my config's",
  user: 'ann',
};
const directory = '/var/tmp/etcd-agent-install.abc.0123456789';
const file: LocalPackage = {
  kind: 'deb',
  version: '0.1.0~rc1',
  machine: 'x86_64',
  path: '/home/ann/a b;c/etcd-agent_0.1.0~rc1_amd64.deb',
  sha256: 'aa',
};
const calls = callsOf('192.168.124.22', settings, 'abc', true);
const all = [
  calls.probe(),
  calls.makeRoom(),
  calls.copy({ kind: 'copy', file }, directory),
  calls.install({ kind: 'install', by: 'apt', file }, directory),
  calls.installFromRepository({ kind: 'installFromRepository', by: 'dnf' }),
  calls.token(),
  calls.enable(),
  calls.clearRoom(directory),
  calls.diagnose(),
];

it('what a remote shell gets are plain words only', () => {
  for (const { program, args } of all) {
    const remote = args.slice(args.indexOf('--') + (program === 'scp' ? 3 : 2));
    expect(() => remoteWords(remote)).not.toThrow();
  }
});

it.each([
  'a b',
  '$(id)',
  '`id`',
  'a;b',
  "a'b",
  'a"b',
  'a\nb',
  'a*',
  '~root',
  'a&',
  'a|b',
  '!x',
  '{a,b}',
  '\\',
  '',
])('a word that a shell would read something into is not sent: %j', (word) => {
  expect(() => remoteWords(['echo', word])).toThrow('plain word');
});

it('every call asks nobody, and the options of the operator come before ours', () => {
  for (const { args } of all) {
    const options = args.flatMap((word, at) => (args[at - 1] === '-o' ? [word] : []));
    expect(options.slice(0, 2)).toEqual(['BatchMode=yes', 'ProxyJump=bastion']);
    // Whatever the operator's configuration says of it.
    expect(options).toContain('StrictHostKeyChecking=yes');
    expect(args.join(' ')).not.toMatch(/UserKnownHostsFile|Password/i);
    expect(args.indexOf('--')).toBeGreaterThan(args.lastIndexOf('-o'));
  }
});

it('the token goes through standard input to one fixed command, as root', () => {
  const { args, input } = calls.token();
  expect(args.slice(args.indexOf('192.168.124.22') + 1)).toEqual([
    'sudo',
    '-n',
    'etcd-agent',
    'enrol',
    '--token-file',
    '-',
  ]);
  expect(input).toEqual({ kind: 'joinToken' });
  expect(callsOf('h', settings, 'abc', false).token().args).not.toContain('sudo');
});

it('a version with letters that some shells read comes out as it went in', () => {
  const word = calls.install({ kind: 'install', by: 'apt', file }, directory).args.at(-1)!;
  expect(word).toBe('0.1.0%7erc1');
  const decoding = /sed '([^']*%7e[^']*)'/.exec(scripts.installScript)![1]!;
  expect(execFileSync('sed', [decoding], { input: word, encoding: 'utf8' }).trim()).toBe(file.version);
});

it('IPv6 addresses are written as scp wants them', () => {
  const copy = (host: string) =>
    callsOf(host, settings, 'abc', false).copy({ kind: 'copy', file }, directory).args.at(-1);
  expect(copy('fd00::1')).toBe(`[fd00::1]:${directory}/etcd-agent.deb`);
  expect(copy('ann@fd00::1')).toBe(`ann@[fd00::1]:${directory}/etcd-agent.deb`);
  expect(copy('etcd0')).toBe(`etcd0:${directory}/etcd-agent.deb`);
});

it.each(Object.entries(scripts))('%s is a script that a POSIX shell can read', (_, text) => {
  execFileSync('sh', ['-n'], { input: text });
});

it('the probe script runs on this machine and says all that is asked', () => {
  const text = execFileSync('sh', ['-s', '--'], { input: scripts.probeScript, encoding: 'utf8' });
  for (const key of ['begin', 'machine', 'libc', 'user', 'end'])
    expect(text).toMatch(new RegExp(`^probe ${key} \\S`, 'm'));
});

it('a copied package that is not what was sent is not installed, and its directory goes', () => {
  const program = `set -e; bin=$(mktemp -d); dir=$(mktemp -d); echo other > "$dir/etcd-agent.deb"
    for name in apt-get dpkg-deb; do printf '#!/bin/sh\\necho installed anyway\\n' > "$bin/$name"; chmod +x "$bin/$name"; done
    PATH=$bin:$PATH; set +e; set -- apt "$dir" deb aa 0.1.0
    ( ${scripts.installScript} ); echo "status $?"; [ -e "$dir" ] || echo gone; rm -r "$bin"`;
  const text = execFileSync('sh', ['-c', program], { encoding: 'utf8' });
  expect(text).toContain('SHA-256');
  expect(text).not.toContain('installed anyway');
  expect(text).toMatch(/status 1\ngone/);
});

it('what is shown can be pasted: a shell reads the same words', () => {
  for (const word of ['plain', "it's", 'a b', '$(id)', '`x`', 'ümlaut', '']) {
    expect(execFileSync('sh', ['-c', `printf %s ${shownWord(word)}`], { encoding: 'utf8' })).toBe(word);
  }
  expect(shownCall(calls.token())).toMatch(/enrol --token-file - {4}# the join token/);
});

it('a person is told the way that was tried', () => {
  expect(byHand('h', settings)).toBe(`ssh -F '/home/ann/my config'\\''s' -o ProxyJump=bastion -o User=ann h`);
});
