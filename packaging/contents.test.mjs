import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { configKeys, configSchema } from '../agent/dist/config.js';
import { commandsOf, flattened } from './commands.mjs';
import { completions } from './completion.mjs';
import { copyrightFile, licencesOf } from './licences.mjs';
import { manualPage } from './manual.mjs';
import { packages } from './packages.mjs';
import { scriptsOf } from './scripts.mjs';
import { sourceDate } from './source-date.mjs';

const [agent, coordinator] = packages;
const work = mkdtempSync(join(tmpdir(), 'etcd-agent-packaging-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function library(name, files) {
  const folder = mkdtempSync(join(work, `${name}-`));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', license: 'MIT' }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

describe('licences', () => {
  test('a library without a licence text cannot be packaged, and is named', () => {
    const folders = [
      library('good', { 'LICENSE.md': 'may be used' }),
      library('bad', { 'README.md': 'MIT' }),
    ];
    expect(() => licencesOf(folders)).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ where: 'bad 1.0.0' }) }),
    );
  });

  test('the copyright file has every text, the one of the runtime too', () => {
    const libraries = licencesOf([library('left', { LICENCE: 'Copyright (c) 2020 Left\n\nuse it' })]);
    const text = copyrightFile({
      folder: '/usr/lib/x',
      libraries,
      node: { version: '24', text: 'of Node\n\nand V8' },
    });
    expect(text).toContain(
      'Comment: left 1.0.0\nCopyright: Copyright (c) 2020 Left\nLicense: MIT (left)\n Copyright (c) 2020 Left\n .\n use it\n',
    );
    expect(text).toContain(' of Node\n .\n and V8\n');
  });
});

test('agent.yaml names every setting with its default, commented out', () => {
  const text = readFileSync(new URL('etcd-agent/agent.yaml', import.meta.url), 'utf8');
  const settings = [...text.matchAll(/^#(\w+): (.*)$/gm)].map(([, key, value]) => [key, value]);
  const defaults = configSchema.parse({});
  expect(settings).toEqual(configKeys.map((key) => [key, String(defaults[key])]));
  // Whatever is not commented out would hold against the environment's defaults for ever.
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
});

describe.each(packages)('$command', ({ program, command, manual }) => {
  test('its manual page has every command and every flag', async () => {
    const commands = await commandsOf(program);
    const page = manualPage(commands, { ...manual, version: '1.2.3', seconds: 86_400 });
    expect(page).toMatch(new RegExp(`^\\.TH ${command.toUpperCase()} ${manual.section} "1970-01-02"`));
    const plain = page.replaceAll('\\-', '-');
    for (const each of flattened(commands).filter(({ commands }) => commands.length === 0)) {
      expect(plain).toContain(`.SS "${[...each.path, each.args].filter(Boolean).join(' ')}"`);
      for (const { flags, long } of each.flags) if (long !== '--help') expect(plain).toContain(`.B ${flags}`);
    }
  });

  test('its completions know every command and every flag', async () => {
    const commands = await commandsOf(program);
    const { bash, zsh, fish } = completions(commands);
    for (const each of flattened(commands).slice(1)) {
      const at = each.path
        .slice(1)
        .map((name) => ` ${name}`)
        .join('');
      for (const text of [bash, zsh, fish]) expect(text).toContain(`'${at}'`);
      for (const { long } of each.flags) {
        expect(bash).toContain(long);
        expect(zsh).toContain(`'${long}:`);
        expect(fish).toContain(`-l ${long.slice(2)} `);
      }
    }
  });
});

describe('maintainer scripts', () => {
  const scripts = packages.flatMap((product) =>
    ['deb', 'rpm'].flatMap((format) =>
      Object.entries(scriptsOf(product, format)).map(([name, text]) => ({
        of: product.name,
        format,
        name,
        text,
      })),
    ),
  );

  test.each(scripts)('$of $format $name: enables and starts nothing, and never acts on etcd', ({ text }) => {
    expect(text).not.toMatch(/^@/m);
    const calls = text
      .split('\n')
      .filter((line) => /^\s*(?:if )?.*\bsystemctl\b/.test(line) && !/^\s*(#|echo)/.test(line));
    for (const call of calls) {
      expect(call).toMatch(
        /systemctl (daemon-reload|try-restart etcd-agent\.service|stop etcd-agent\.service|-q disable etcd-agent\.service|-q is-active etcd\.service|is-active etcd-agent\.service|-q is-enabled etcd-agent\.service)/,
      );
    }
  });

  test.each(scripts)('$of $format $name: removes nothing of etcd, and no CA', ({ of, text }) => {
    const removals = text.split('\n').filter((line) => /\brm\b/.test(line) && !/^\s*(#|echo)/.test(line));
    const known = [
      'rm -rf --one-file-system "$directory"',
      'find "$directory" -mindepth 1 -maxdepth 1 ! -name snapshots -exec rm -rf --one-file-system {} +',
    ];
    for (const line of removals) expect(known).toContain(line.trim());
    if (removals.length > 0) {
      expect(of).toBe('etcd-agent');
      expect(text).toContain('for directory in /var/lib/etcd-agent /etc/etcd-agent; do');
    }
  });
});

/** Runs a script as dpkg and rpm do, with other paths, and with programs put before those of this machine. */
function run(text, args, programs = {}) {
  const bin = mkdtempSync(join(work, 'bin-'));
  for (const [name, lines] of Object.entries(programs))
    writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-s', '--', ...args], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  expect(status, stderr).toBe(0);
  return stdout + stderr;
}

describe('that nothing was enabled or started', () => {
  const hint = 'nothing was enabled or started. Next: systemctl enable --now etcd-agent';

  /** What the postinst prints on a host whose systemd says this of the agent. */
  function configured(former, { state = 'inactive', enabled = false, booted = true, starts = true } = {}) {
    const systemd = mkdtempSync(join(work, 'systemd-'));
    const text = scriptsOf(agent, 'deb').postinst;
    const at = booted ? systemd : join(systemd, 'none');
    return run(text.replace('/run/systemd/system', at), ['configure', former], {
      'systemd-sysusers': ':',
      'systemd-tmpfiles': ':',
      systemctl: `case $* in
        'is-active etcd-agent.service') echo ${state}; test ${state} = active ;;
        '-q is-enabled etcd-agent.service') ${enabled} ;;
        'try-restart etcd-agent.service') test ${state} = inactive || ${starts} ;;
        daemon-reload) ;;
        *) echo "unexpected: systemctl $*" ;;
      esac`,
    });
  }

  test.each([
    ['a first installation', '', {}],
    ['an installation into an image', '', { booted: false }],
    ['an installation after a removal', '0.1.0-1', {}],
  ])('is said by %s of the .deb', (_, former, host) => {
    expect(configured(former, host)).toContain(hint);
  });

  test.each([
    ['that runs and is not enabled', { state: 'active' }],
    ['that runs and is enabled', { state: 'active', enabled: true }],
    ['that is enabled and was stopped', { enabled: true }],
  ])('is not said by an upgrade of an agent %s', (_, host) => {
    expect(configured('0.1.0-1', host)).toBe('');
  });

  test.each(['active', 'activating'])('is not said where an %s agent does not start again', (state) => {
    const said = configured('0.1.0-1', { state, starts: false });
    expect(said).toContain('etcd-agent does not start: systemctl status etcd-agent');
    expect(said).not.toContain(hint);
  });
});

describe.each([
  { format: 'deb', script: 'prerm', removal: 'remove', upgrade: 'upgrade' },
  { format: 'rpm', script: 'postun', removal: '0', upgrade: '1' },
])('the $script of the coordinator’s .$format', ({ format, script, removal, upgrade }) => {
  const removed = (state, how) =>
    run(scriptsOf(coordinator, format)[script].replaceAll('/var/lib/etcd-coordinator', state), [how]);

  test('leaves the CA in a removal, and says so and how to remove it', () => {
    const state = mkdtempSync(join(work, 'state-'));
    const key = join(state, 'ca', 'etcd.key');
    mkdirSync(join(state, 'ca'));
    writeFileSync(key, 'a key');
    const said = removed(state, removal);
    expect(said).toContain(`Left: ${state}, with the keys of the CAs`);
    expect(said).toMatch(new RegExp(`: rm -rf ${state}$`, 'm'));
    expect(readFileSync(key, 'utf8')).toBe('a key');
  });

  test('says nothing of a state that is not there, but where other users have theirs', () => {
    const said = removed(join(work, 'none'), removal);
    expect(said).not.toContain(work);
    expect(said).toContain('in .local/state/etcd-coordinator');
  });

  test('says nothing in an upgrade', () => {
    expect(removed(mkdtempSync(join(work, 'state-')), upgrade)).toBe('');
  });
});

test('the moment written into packages follows from the sources, also where there is no git', async () => {
  expect(await sourceDate({ SOURCE_DATE_EPOCH: '7' })).toBe(7);
  const fixed = await sourceDate({});
  expect(fixed).toBeGreaterThan(1_700_000_000);
  expect(fixed).toBe(await sourceDate({}));
  const { PATH } = process.env;
  try {
    process.env.PATH = work;
    expect(await sourceDate({})).toBe(1_767_225_600);
  } finally {
    process.env.PATH = PATH;
  }
});
