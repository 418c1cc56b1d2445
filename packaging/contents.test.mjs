import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { configKeys, configSchema } from '../agent/dist/config.js';
import { commandsOf, flattened } from './commands.mjs';
import { completions } from './completion.mjs';
import { copyrightFile, licencesOf } from './licences.mjs';
import { manualPage } from './manual.mjs';
import { packages } from './packages.mjs';
import { scriptsOf } from './scripts.mjs';
import { sourceDate } from './source-date.mjs';

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
  const [agent] = packages;
  const scripts = ['deb', 'rpm'].flatMap((format) =>
    Object.entries(scriptsOf(agent, format)).map(([name, text]) => ({ format, name, text })),
  );

  test.each(scripts)('$format $name: enables and starts nothing, and never acts on etcd', ({ text }) => {
    expect(text).not.toMatch(/^@/m);
    const calls = text
      .split('\n')
      .filter((line) => /^\s*(?:if )?.*\bsystemctl\b/.test(line) && !/^\s*(#|echo)/.test(line));
    for (const call of calls) {
      expect(call).toMatch(
        /systemctl (daemon-reload|try-restart etcd-agent\.service|stop etcd-agent\.service|-q disable etcd-agent\.service|-q is-active etcd\.service|-q is-enabled etcd-agent\.service)/,
      );
    }
  });

  test.each(scripts)('$format $name: removes nothing of etcd', ({ text }) => {
    const removals = text.split('\n').filter((line) => /\brm\b/.test(line) && !/^\s*(#|echo)/.test(line));
    const known = [
      'rm -rf --one-file-system "$directory"',
      'find "$directory" -mindepth 1 -maxdepth 1 ! -name snapshots -exec rm -rf --one-file-system {} +',
    ];
    for (const line of removals) expect(known).toContain(line.trim());
    if (removals.length > 0)
      expect(text).toContain('for directory in /var/lib/etcd-agent /etc/etcd-agent; do');
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
