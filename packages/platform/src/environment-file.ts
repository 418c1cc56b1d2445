/**
 * Reads an environment file the way systemd's EnvironmentFile= does, for the manager that starts etcd itself: the same
 * etcd.conf must mean the same under both. Writing such files does not belong here.
 */

export type EnvironmentReading =
  | { readonly kind: 'values'; readonly values: Readonly<Record<string, string>> }
  /** A quote that is never closed would swallow the lines after it; `line` counts from 1. */
  | { readonly kind: 'unterminated'; readonly line: number };

/**
 * `KEY=value`, `KEY="value"`, `KEY='value'`; comments start with `#` or `;`. Lines that are no assignment are passed
 * over, as systemd does. The last assignment of a key wins.
 */
export function readEnvironment(text: string): EnvironmentReading {
  const values: Record<string, string> = {};
  for (const [index, raw] of text.split('\n').entries()) {
    const assignment = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/.exec(raw);
    const [, key, rest] = assignment ?? [];
    if (key === undefined || rest === undefined) {
      continue;
    }
    const value = unquote(rest.trim());
    if (value === undefined) {
      return { kind: 'unterminated', line: index + 1 };
    }
    values[key] = value;
  }
  return { kind: 'values', values };
}

/** Undefined when a quote stays open or the line continues on the next, which our files never do. */
function unquote(text: string): string | undefined {
  const quote = text[0];
  let value = '';
  if (quote !== '"' && quote !== "'") {
    return text.endsWith('\\') ? undefined : text.replace(/\\(.)/g, '$1');
  }
  for (let at = 1; at < text.length; at += 1) {
    const character = text[at];
    if (character === quote) {
      return value;
    }
    const next = text[at + 1];
    if (quote === '"' && character === '\\' && next !== undefined && '"\\`$'.includes(next)) {
      value += next;
      at += 1;
    } else {
      value += character;
    }
  }
  return undefined;
}
