/** Whatever a document or a screen tells to type is a command that there is, with options that it has. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { program } from './whole-program.js';

const root = resolve(import.meta.dirname, '../../..');

/** From the word `coordinator` to what ends a command: a quote, a bracket, a comment, the next command. */
const commandWords = /coordinator((?: +[^\s`'"();,#|]+)+)/g;

function inDocument(text: string): string[] {
  const code = [...text.matchAll(/`([^`\n]+)`/g), ...text.matchAll(/^ {4,}(\S.*)$/gm)].map(
    (match) => match[1]!,
  );
  return code.flatMap((piece) => found(piece, /^(?:.*[;&(] *)?$/));
}

/** In strings, where it stands at the beginning, or after what introduces a command. */
function inSource(text: string): string[] {
  return text.split('\n').flatMap((line) => found(line, /(?:^|[`'"]|next: |then: |[;:(] ?)$/));
}

function found(text: string, before: RegExp): string[] {
  return [...text.matchAll(commandWords)]
    .filter(({ index }) => before.test(text.slice(0, index)))
    .map(([words]) => words);
}

/** Why this cannot be typed; undefined: it can. Upper case, `…`, `${…}`, `N*` and `<…>` stand for what a person puts there. */
function objection(line: string): string | undefined {
  const words = line.split(/ +/).slice(1);
  let at: Command = program;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index]!.replace(/[.:]+$/, '');
    if (['--help', '--version'].includes(word)) return undefined;
    if (word.startsWith('-')) {
      const name = word.split('=')[0]!;
      const option = [at, at.parent, program]
        .flatMap((each) => each?.options ?? [])
        .find(({ short, long }) => short === name || long === name);
      if (option === undefined) return `${name} is no option of ${at.name()}`;
      if (option?.required === true && !word.includes('=')) index += 1;
      continue;
    }
    const child = at.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (child !== undefined) at = child;
    else if (at.commands.length > 0 && at.registeredArguments.length === 0 && /^[a-z][a-z-]*$/.test(word))
      return `${at.name()} has no command ${word}`;
  }
  return undefined;
}

function files(directory: string, ending: RegExp): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name) && !/(^|\/)(node_modules|dist|bundle|testing)\//.test(name))
    .map((name) => join(directory, name));
}

const documents = [join(root, 'README.md'), ...files(join(root, 'docs'), /\.md$/)];
const sources = ['coordinator/src', 'agent/src'].flatMap((directory) =>
  files(join(root, directory), /(?<!\.test)\.ts$/),
);

it.each([
  ['document', documents, inDocument, 40],
  ['source', sources, inSource, 100],
] as const)('every command that a %s names can be typed', (_what, paths, commandsIn, atLeast) => {
  const named = paths.flatMap((path) =>
    commandsIn(readFileSync(path, 'utf8')).map((line) => ({ path: relative(root, path), line })),
  );
  expect(named.length).toBeGreaterThan(atLeast);
  const wrong = named.flatMap(({ path, line }) => {
    const why = objection(line);
    return why === undefined ? [] : [`${path}: ${line} (${why})`];
  });
  expect(wrong).toEqual([]);
});

it('what cannot be typed is seen', () => {
  expect(objection('coordinator member destroy n1')).toContain('no command destroy');
  expect(objection('coordinator member remove n1 --quickly')).toContain('--quickly is no option');
  expect(objection('coordinator --state DIR member remove NODE --yes')).toBeUndefined();
});
