/**
 * Reading and editing text in the grammar of systemd's `EnvironmentFile=`, which is neither shell, dotenv nor INI.
 *
 * The reader follows systemd character by character: comments begin with # or ;, a value may be bare, quoted, or pieces
 * of both, a backslash escapes, and a quoted value may span lines. It keeps where everything stands in the text, so
 * that an edit changes the values asked for and not one byte else. What the variables mean is not known here.
 */

/** One assignment. `start`/`end` delimit the value's source text, quotes included, trailing blanks excluded. */
export interface EnvAssignment {
  readonly kind: 'assignment';
  readonly key: string;
  /** The value after quotes and escapes are taken away. */
  readonly value: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** One thing in the file, in order. `line` counts from 1. */
export type EnvLine =
  | EnvAssignment
  | { readonly kind: 'comment'; readonly text: string; readonly line: number };

/** A spot that systemd skips, or reads otherwise than a person would. */
export interface EnvProblem {
  readonly line: number;
  readonly message: string;
}

/** What a file says. `values` holds what the process would see: the last assignment of a name wins. */
export interface EnvFile {
  readonly lines: readonly EnvLine[];
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly EnvProblem[];
}

/** Reads a whole file. Never throws: what cannot be read is in `problems`. */
export function parseEnvFile(text: string): EnvFile {
  return new Reader(text).read();
}

/**
 * `text` with the values of the named variables replaced, and everything else kept byte for byte. Where a variable is
 * assigned more than once, each assignment is changed. Throws RangeError when a variable is not assigned at all, or a
 * value cannot be written (see {@link quoteEnvValue}).
 */
export function replaceValues(text: string, values: Readonly<Record<string, string>>): string {
  const wanted = new Map(Object.entries(values));
  const assignments = parseEnvFile(text).lines.filter((line) => line.kind === 'assignment');
  const present = new Set(assignments.map(({ key }) => key));
  const missing = [...wanted.keys()].filter((key) => !present.has(key));
  if (missing.length > 0) throw new RangeError(`not assigned in the file: ${missing.join(', ')}`);

  let result = '';
  let kept = 0;
  for (const { key, start, end } of assignments) {
    const value = wanted.get(key);
    if (value === undefined) continue;
    result += text.slice(kept, start) + quoteEnvValue(value);
    kept = end;
  }
  return result + text.slice(kept);
}

/**
 * A value as this product writes it: in double quotes, with nothing inside that would need an escape. Throws
 * RangeError for quotes, backslashes, `$`, backticks, control and other invisible characters: no etcd setting needs
 * them, and systemd, a shell that sources the file and a person would each read them differently.
 */
export function quoteEnvValue(value: string): string {
  const bad = unwritable.exec(value);
  if (bad !== null) {
    throw new RangeError(
      `${JSON.stringify(value)} holds ${describe(bad[0])}, which is never written to etcd.conf`,
    );
  }
  return `"${value}"`;
}

/** Control, format, surrogate, private and unassigned characters, line separators, and what quoting would escape. */
const unwritable = /[\p{C}\p{Zl}\p{Zp}"'\\$`]/u;

function describe(character: string): string {
  return /[\p{C}\p{Z}]/u.test(character)
    ? `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
    : `the character ${character}`;
}

const isNewline = (c: string | undefined) => c === '\n' || c === '\r';
const isBlank = (c: string | undefined) => c === ' ' || c === '\t' || isNewline(c);

/** The reader's place in the text. One method per part of the grammar. */
class Reader {
  private at = 0;
  private line = 1;
  private readonly lines: EnvLine[] = [];
  private readonly problems: EnvProblem[] = [];

  constructor(private readonly text: string) {}

  read(): EnvFile {
    if (this.text.includes('\0'))
      this.problem(this.line, 'the text holds a NUL byte: systemd refuses the file');
    while (this.skipBlanks()) {
      const c = this.text[this.at];
      if (c === '#' || c === ';') this.readComment();
      else this.readAssignment();
    }
    const values = new Map<string, string>();
    for (const each of this.lines) {
      if (each.kind !== 'assignment') continue;
      if (values.has(each.key)) this.problem(each.line, `${each.key} is assigned again: the last one counts`);
      values.set(each.key, each.value);
    }
    return { lines: this.lines, values, problems: this.problems };
  }

  private readComment(): void {
    const { line, at: start } = this;
    while (this.at < this.text.length && !isNewline(this.text[this.at])) this.at++;
    const text = this.text.slice(start, this.at);
    if (text.endsWith('\\')) {
      // Older systemd takes the next line for more comment, 254 and newer do not.
      this.problem(line, 'a comment ends in a backslash: what follows depends on the version of systemd');
    }
    this.lines.push({ kind: 'comment', text, line });
  }

  private readAssignment(): void {
    const { line, at: keyStart } = this;
    this.at++; // systemd takes the first character for the name, even when it is "=".
    while (this.at < this.text.length && this.text[this.at] !== '=' && !isNewline(this.text[this.at]))
      this.at++;
    const key = this.text.slice(keyStart, this.at).trimEnd();
    if (this.text[this.at] !== '=') {
      this.problem(line, `no "=" after ${JSON.stringify(key)}`);
      return;
    }
    this.at++;
    const { value, start, end } = this.readValue(line);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
      this.problem(line, `${JSON.stringify(key)} is not a variable name`);
      return;
    }
    this.lines.push({ kind: 'assignment', key, value, line, start, end });
  }

  /** From after "=" to the newline that ends the value, which stays unread. */
  private readValue(line: number): { value: string; start: number; end: number } {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++;
    const start = this.at;
    let end = start;
    let value = '';
    let c = this.text[this.at];
    while (c !== undefined && !isNewline(c)) {
      if (isBlank(c)) {
        this.at++;
      } else {
        value += c === '"' || c === "'" ? this.readQuoted(c, line) : this.readBare();
        end = this.at;
        while (end > start && isBlank(this.text[end - 1])) end--;
      }
      c = this.text[this.at];
    }
    return { value, start, end };
  }

  /** A bare piece runs to the end of the line: quotes inside are literal, blanks at its end are not part of it. */
  private readBare(): string {
    let value = '';
    let length = 0;
    let c = this.text[this.at];
    while (c !== undefined && !isNewline(c)) {
      if (c === '\\') {
        const next = this.text[this.at + 1];
        if (next !== undefined && !isNewline(next)) value += next;
        this.advance(next === undefined ? 1 : 2);
        length = value.length;
      } else {
        value += c;
        if (!isBlank(c)) length = value.length;
        this.at++;
      }
      c = this.text[this.at];
    }
    return value.slice(0, length);
  }

  private readQuoted(quote: '"' | "'", line: number): string {
    let value = '';
    this.at++;
    for (let c = this.text[this.at]; c !== undefined; c = this.text[this.at]) {
      if (c === quote) {
        this.at++;
        return value;
      }
      const next = this.text[this.at + 1];
      if (c === '\\' && quote === '"') {
        if (next !== undefined && '"\\`$'.includes(next)) value += next;
        else if (next !== undefined && !isNewline(next)) value += c + next;
        this.advance(next === undefined ? 1 : 2);
      } else {
        value += c;
        this.advance(1);
      }
    }
    this.problem(line, 'a quote is opened and never closed');
    return value;
  }

  private skipBlanks(): boolean {
    while (this.at < this.text.length && isBlank(this.text[this.at])) this.advance(1);
    return this.at < this.text.length;
  }

  private advance(count: number): void {
    for (const end = this.at + count; this.at < end; this.at++) if (this.text[this.at] === '\n') this.line++;
  }

  private problem(line: number, message: string): void {
    this.problems.push({ line, message });
  }
}
