/**
 * A command line cut into the words that the started program would see, as far as telling flags apart needs it: quotes,
 * backslashes, systemd's `$NAME` and `${NAME}`, and one level of `sh -c "…"`. It is not a shell: substitutions are left
 * as they are.
 */

/** Words of a command line as written in a unit, or as `systemctl show` prints it. Unknown variables become nothing. */
export function commandWords(command: string, environment: ReadonlyMap<string, string>): string[] {
  const shown = /argv\[\]=(.*?) ; /.exec(command)?.[1];
  const words = split(shown ?? command).flatMap((word) => expand(word, environment));
  const script = words.findIndex((word, at) => word === '-c' && isShell(words[at - 1]));
  if (script < 0) return words;
  // `systemctl show` has lost the quotes around the script, so all that follows -c belongs to it.
  return words.slice(script + 1).flatMap(split);
}

function isShell(word: string | undefined): boolean {
  return word !== undefined && /(^|\/)(ba|da)?sh$/.test(word);
}

/** A word that is only `$NAME` becomes as many words as the value has; `${NAME}` inside a word stays one word. */
function expand(word: string, environment: ReadonlyMap<string, string>): string[] {
  const whole = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word);
  if (whole !== null) return split(environment.get(whole[1]!) ?? '');
  return [word.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => environment.get(name) ?? '')];
}

function split(text: string): string[] {
  const words: string[] = [];
  // Pieces that touch make one word: bare characters, escapes, $(…), or either kind of quotes.
  for (const [word] of text.matchAll(/(?:\$\([^)]*\)|"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs)) {
    words.push(word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, unquote));
  }
  return words;
}

function unquote(
  _: string,
  double: string | undefined,
  single: string | undefined,
  escaped: string | undefined,
): string {
  return double?.replace(/\\(.)/gs, '$1') ?? single ?? escaped ?? '';
}
