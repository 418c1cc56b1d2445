/** What is run for each step, to the letter: nothing of a topology reaches a shell, no secret is an argument. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { callsOf } from './calls.js';
import { saidLinesMax } from './install-host.js';
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

describe.each([
  ['dnf', 'install'],
  ['yum', 'localinstall'],
])('%s of a host', (by, verb) => {
  const without = `-q -y --disablerepo=* ${verb} FILE`;
  const withThem = `-q -y ${verb} FILE`;
  // Each says more than anybody reads.
  const fails = (why: string) => `seq 1 30; echo ${why}; exit 1`;

  it('whose repositories cannot be read installs the package without them', () => {
    const ran = installed(by, `case $* in *--disablerepo=*) exit 0 ;; esac; ${fails('no metadata')}`);
    expect(ran).toEqual({ status: 0, said: [], asked: [without], cleared: true });
  });

  it('that lacks something the package needs gets it from its repositories', () => {
    const ran = installed(by, `case $* in *--disablerepo=*) ${fails('nothing provides x')} ;; esac`);
    expect(ran).toEqual({ status: 0, said: [], asked: [without, withThem], cleared: true });
  });

  it('that can do neither says what is missing, why it cannot be had, and all of that is shown', () => {
    const ran = installed(
      by,
      `case $* in *--disablerepo=*) ${fails('missing')} ;; *) ${fails('unread')} ;; esac`,
    );
    expect(ran).toMatchObject({ status: 1, asked: [without, withThem], cleared: true });
    const headed = (heading: string, last: string) => [heading, '28', '29', '30', last];
    expect(ran.said).toEqual([
      ...headed(`${by} without repositories:`, 'missing'),
      ...headed(`${by} with the repositories of this host:`, 'unread'),
    ]);
    expect(ran.said.length).toBeLessThanOrEqual(saidLinesMax);
  });
});

/** The script beside a package manager of these lines of shell. `asked`: with what arguments it was run, each time. */
function installed(by: string, text: string) {
  const host = mkdtempSync(join(tmpdir(), 'install-script-'));
  try {
    const [bin, room, asked] = [join(host, 'bin'), join(host, 'room'), join(host, 'asked')];
    for (const directory of [bin, room]) mkdirSync(directory);
    const program = (name: string, lines: string) =>
      writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    program('rpm', 'echo etcd-agent 0.1.0-1');
    program(by, `echo "$*" >>${asked}\n${text}`);
    const file = join(room, 'etcd-agent.rpm');
    writeFileSync(file, 'a package');
    const sha256 = createHash('sha256').update('a package').digest('hex');
    const { status, stdout, stderr } = spawnSync('sh', ['-s', '--', by, room, 'rpm', sha256, '0.1.0-1'], {
      input: scripts.installScript,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    });
    const lines = (of: string) => of.split('\n').filter((line) => line !== '');
    return {
      status,
      said: lines(stdout + stderr),
      asked: lines(readFileSync(asked, 'utf8')).map((line) => line.replace(file, 'FILE')),
      cleared: !existsSync(room),
    };
  } finally {
    rmSync(host, { recursive: true });
  }
}

it('what is shown can be pasted: a shell reads the same words', () => {
  for (const word of ['plain', "it's", 'a b', '$(id)', '`x`', 'ümlaut', '']) {
    expect(execFileSync('sh', ['-c', `printf %s ${shownWord(word)}`], { encoding: 'utf8' })).toBe(word);
  }
  expect(shownCall(calls.token())).toMatch(/enrol --token-file - {4}# the join token/);
});

it('a person is told the way that was tried', () => {
  expect(byHand('h', settings)).toBe(`ssh -F '/home/ann/my config'\\''s' -o ProxyJump=bastion -o User=ann h`);
});
