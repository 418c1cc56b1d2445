// The commands of a program as plain values, read from the command line that it really has. Manual page and completion are
// made of these, so they say what the program says.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../scripts/setup/paths.mjs';

const modules = { agent: 'agent/dist/program.js', coordinator: 'coordinator/dist/cli/whole-program.js' };

/**
 * @typedef {{ flags: string, short?: string, long?: string, value?: string, description: string, choices: string[] }} Flag
 *   `value`: name of the value it takes, if any
 * @typedef {{ path: string[], description: string, args: string, flags: Flag[], commands: Command[] }} Command
 *   `path`: its name behind those of its parents, the program first; `args`: `<node>`, as usage shows them
 */

/** @param {'agent' | 'coordinator'} program @returns {Promise<Command>} */
export async function commandsOf(program) {
  const module = await import(pathToFileURL(join(root, modules[program])).href);
  return plain(module.program, []);
}

function plain(command, parents) {
  const path = [...parents, command.name()];
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    args: command.registeredArguments
      .map((each) => (each.required ? `<${each.name()}>` : `[${each.name()}]`))
      .join(' '),
    flags: help.visibleOptions(command).map(plainFlag),
    commands: command.commands.map((each) => plain(each, path)),
  };
}

function plainFlag(option) {
  const { flags, short, long, description, argChoices, defaultValue, mandatory } = option;
  const shown =
    defaultValue !== undefined && typeof defaultValue === 'string' ? ` (default: ${defaultValue})` : '';
  return {
    flags,
    short,
    long,
    value: /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1],
    description: `${description}${shown}${mandatory ? ' (required)' : ''}`,
    choices: argChoices ?? [],
  };
}

/** The command itself and all below it, in the order in which help shows them. @returns {Command[]} */
export function flattened(command) {
  return [command, ...command.commands.flatMap(flattened)];
}
