// A manual page made from the commands of a program, in the man macros that every reader of manual pages knows.
import { flattened } from './commands.mjs';

/**
 * @param {import('./commands.mjs').Command} program
 * @param {{ section: number, version: string, seconds: number, files: [string, string][], seeAlso: string[], exitCodes: [string, string][] }} page
 *   `seconds`: its date; `files`: path and what it is
 * @returns {string} source of the page
 */
export function manualPage(program, { section, version, seconds, files, seeAlso, exitCodes }) {
  const name = program.path[0];
  const date = new Date(seconds * 1000).toISOString().slice(0, 10);
  const commands = flattened(program)
    .slice(1)
    .filter(({ commands }) => commands.length === 0);
  return [
    `.TH ${name.toUpperCase()} ${section} "${date}" "etcd-agent ${version}" "etcd-agent"`,
    '.SH NAME',
    `${text(name)} \\- ${text(lowerFirst(program.description.split('.')[0]))}`,
    '.SH SYNOPSIS',
    `.B ${text(name)}`,
    '[options] command ...',
    '.SH DESCRIPTION',
    text(program.description),
    '.SH OPTIONS',
    ...program.flags.flatMap(flag),
    '.SH COMMANDS',
    ...commands.flatMap(commandPart),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(tagged),
    '.SH FILES',
    ...files.flatMap(tagged),
    '.SH SEE ALSO',
    seeAlso.map((page) => text(page)).join(', '),
    '',
  ].join('\n');
}

function commandPart({ path, args, description, flags }) {
  const own = flags.filter(({ long }) => long !== '--help');
  return [
    `.SS "${text([...path, args].filter(Boolean).join(' '))}"`,
    text(sentence(description)),
    ...own.flatMap(flag),
  ];
}

function flag({ flags, description }) {
  return tagged([flags, description]);
}

function tagged([term, description]) {
  return ['.TP', `.B ${text(term)}`, text(sentence(description))];
}

function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? '' : '.'}`;
}

function lowerFirst(words) {
  return `${words[0].toLowerCase()}${words.slice(1)}`;
}

/** Nothing in it is taken for a request or an escape; a hyphen stays one that can be copied. */
function text(words) {
  const escaped = words.replace(/\\/g, '\\e').replace(/-/g, '\\-').replace(/’/g, '\\(cq');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
