// Completion for bash, zsh and fish, made from the commands of a program. All three do the same: find out by the words that
// are there which command it is, then offer its subcommands, its flags, or what a flag takes.
import { flattened } from './commands.mjs';

const filesFor = new Set(['file', 'dir', 'path']);

/** @param {import('./commands.mjs').Command} program @returns {{ bash: string, zsh: string, fish: string }} */
export function completions(program) {
  return { bash: bash(program), zsh: zsh(program), fish: fish(program) };
}

function bash(program) {
  const name = program.path[0];
  const fn = `_${name.replaceAll('-', '_')}`;
  return `# bash completion for ${name}
${fn}()
{
    local word path='' offers='' i
    COMPREPLY=()
    word=\${COMP_WORDS[COMP_CWORD]}
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path \${COMP_WORDS[i]}" in
${pathsBelow(program)
  .map((path) => `            '${path}') path='${path}' ;;`)
  .join('\n')}
        esac
    done
    case "\${COMP_WORDS[COMP_CWORD-1]}" in
${valueFlags(program)
  .map(
    ({ spellings, choices, files }) =>
      `        ${spellings.join('|')}) ${files ? 'mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null' : `mapfile -t COMPREPLY < <(compgen -W '${choices.join(' ')}' -- "$word")`}; return ;;`,
  )
  .join('\n')}
    esac
    case "$path" in
${flattened(program)
  .map(
    (each) =>
      `        '${pathOf(each)}') offers='${[...names(each), ...spellingsOf(each, program)].join(' ')}' ;;`,
  )
  .join('\n')}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$word")
}
complete -F ${fn} ${name}
`;
}

function zsh(program) {
  const name = program.path[0];
  const fn = `_${name.replaceAll('-', '_')}`;
  return `#compdef ${name}
${fn}() {
    local at='' i
    local -a offers
    for ((i = 2; i < CURRENT; i++)); do
        case "$at \${words[i]}" in
${pathsBelow(program)
  .map((path) => `            '${path}') at='${path}' ;;`)
  .join('\n')}
        esac
    done
    case "\${words[CURRENT-1]}" in
${valueFlags(program)
  .map(
    ({ spellings, choices, files }) =>
      `        ${spellings.join('|')}) ${files ? '_files' : choices.length > 0 ? `compadd -- ${choices.join(' ')}` : '_message value'}; return ;;`,
  )
  .join('\n')}
    esac
    case "$at" in
${flattened(program)
  .map(
    (each) =>
      `        '${pathOf(each)}') offers=(${described(each, program)
        .map(([word, what]) => `'${word}:${zshText(what)}'`)
        .join(' ')}) ;;`,
  )
  .join('\n')}
    esac
    _describe -t commands '${name}' offers
}
${fn} "$@"
`;
}

function fish(program) {
  const name = program.path[0];
  const fn = `__${name.replaceAll('-', '_')}_at`;
  const lines = flattened(program).flatMap((each) => {
    const condition = `-n "${fn} '${pathOf(each)}'"`;
    const commands = each.commands.map(
      (command) =>
        `complete -c ${name} ${condition} -a ${command.path.at(-1)} -d '${quoted(command.description)}'`,
    );
    const flags = flagsOf(each, program).map((flag) => {
      const short = flag.short ? ` -s ${flag.short.slice(1)}` : '';
      const takes =
        flag.value === undefined
          ? ''
          : filesFor.has(flag.value)
            ? ' -r -F'
            : ` -x${flag.choices.length > 0 ? ` -a '${flag.choices.join(' ')}'` : ''}`;
      return `complete -c ${name} ${condition}${short} -l ${flag.long.slice(2)}${takes} -d '${quoted(flag.description)}'`;
    });
    return [...commands, ...flags];
  });
  return `# fish completion for ${name}
function ${fn}
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case ${pathsBelow(program)
              .map((path) => `'${path}'`)
              .join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`;
}

/** ` heal status`: the names below the program's, each behind a space. */
function pathOf({ path }) {
  return path
    .slice(1)
    .map((name) => ` ${name}`)
    .join('');
}

function pathsBelow(program) {
  return flattened(program).slice(1).map(pathOf);
}

function names({ commands }) {
  return commands.map(({ path }) => path.at(-1));
}

/** Its own and the program's, which are good everywhere; help is every command's. */
function flagsOf(command, program) {
  const own = command.flags.filter(({ long }) => long !== undefined);
  const global =
    command === program ? [] : program.flags.filter(({ long }) => !own.some((flag) => flag.long === long));
  return [...own, ...global];
}

function spellingsOf(command, program) {
  return flagsOf(command, program).flatMap(({ short, long }) => [short, long].filter(Boolean));
}

function described(command, program) {
  return [
    ...command.commands.map(({ path, description }) => [path.at(-1), description]),
    ...flagsOf(command, program).map(({ long, description }) => [long, description]),
  ];
}

/** Each flag that takes a value once, whichever commands have it. */
function valueFlags(program) {
  const flags = flattened(program).flatMap((command) =>
    command.flags.filter(({ value }) => value !== undefined),
  );
  const byName = new Map(flags.map((flag) => [flag.long, flag]));
  return [...byName.values()].map(({ short, long, value, choices }) => ({
    spellings: [short, long].filter(Boolean),
    choices,
    files: filesFor.has(value),
  }));
}

/** Within single quotes of bash and zsh. */
function zshText(words) {
  return words.replace(/'/g, "'\\''").replace(/:/g, '\\:');
}

function quoted(words) {
  return words.replace(/\\/g, '\\\\').replace(/'/g, "\\'");
}
