/**
 * YAML that a person wrote, against a schema: either the value, or every problem at once with its line. Both programs
 * read their files through it. It knows nothing of what the files mean.
 */
import { isMap, isNode, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import type { z } from 'zod';

/** One thing that is wrong, or doubtful, in a file. */
export interface Problem {
  /** `cluster.yaml:12`, or the file's name alone where no line can be named. */
  readonly where: string;
  /** Dotted path of the key, empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

export type Reading<T> =
  | { readonly kind: 'ok'; readonly value: T; readonly locate: (path: Path) => string }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] };

/** Bytes of a file that this reader takes: a topology of nine nodes is under 8 KiB. */
export const fileBytesMax = 256 * 1024;

/** Reads `text` strictly. `label` is the file's name as the person knows it. */
export function readStrictYaml<T>(text: string, schema: z.ZodType<T>, label: string): Reading<T> {
  if (Buffer.byteLength(text) > fileBytesMax) {
    return {
      kind: 'problems',
      problems: [{ where: label, path: '', message: `is larger than ${fileBytesMax} bytes` }],
    };
  }
  const lines = new LineCounter();
  // maxAliasCount 0: a bomb of aliases is refused, and no file of ours needs one.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      where: `${label}:${lines.linePos(error.pos[0]).line}`,
      path: '',
      message: syntaxMessage(error.code, error.message, text.slice(error.pos[0])),
    }));
    return { kind: 'problems', problems };
  }
  const locate = (path: Path) => {
    const line = lineOf(document.contents, path, lines);
    return line === undefined ? label : `${label}:${line}`;
  };
  let body: unknown;
  try {
    body = document.toJS({ maxAliasCount: 0 });
  } catch {
    // Only an alias makes a document that was parsed without error fail here.
    const alias = /^[^#]*?\*\w/m.exec(text);
    const where =
      alias === null ? label : `${label}:${lines.linePos(alias.index + alias[0].length - 1).line}`;
    const message = 'has a YAML alias (*name), which is not taken here: write the value out';
    return { kind: 'problems', problems: [{ where, path: '', message }] };
  }
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return { kind: 'ok', value: parsed.data, locate };
  const problems = problemsOf(parsed.error.issues, body, locate);
  return { kind: 'problems', problems: problems.sort((a, b) => lineIn(a) - lineIn(b)) };
}

/** The schema's complaints, an unknown key each on its own line. */
function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  body: unknown,
  locate: (path: Path) => string,
): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        where: locate([...path, key]),
        path: dotted([...path, key]),
        message: 'is not a known key',
      }));
    }
    return [
      { where: locate(path), path: dotted(path), message: messageOf(issue, valueAt(body, issue.path)) },
    ];
  });
}

/** The complaint together with what stands there, so that it can be understood without opening the file. */
function messageOf(issue: z.core.$ZodIssue, value: unknown): string {
  const shown = quoted(value);
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return 'is required';
      return `must be ${article(issue.expected)}${shown === undefined ? '' : `, not ${shown}`}`;
    case 'too_big':
    case 'too_small': {
      if (typeof value !== 'number') break;
      const [word, bound] =
        issue.code === 'too_big' ? ['at most', issue.maximum] : ['at least', issue.minimum];
      return `must be ${word} ${bound}, not ${value}`;
    }
    case 'invalid_value':
      return `must be ${issue.values.map((each) => JSON.stringify(each)).join(' or ')}${shown === undefined ? '' : `, not ${shown}`}`;
  }
  return shown === undefined || issue.message.includes(shown) ? issue.message : `${shown} ${issue.message}`;
}

const quotedCharsMax = 80;

/** A scalar as JSON, cut short; undefined for what has parts. */
function quoted(value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
  const text = JSON.stringify(value);
  return text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}...` : text;
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    body,
  );
}

function syntaxMessage(code: string, message: string, found: string): string {
  if (code === 'DUPLICATE_KEY') return `the key ${/^[^:\s]*/.exec(found)![0]} is there twice`;
  return message.split('\n')[0]!;
}

function lineIn({ where }: Problem): number {
  return Number(/:(\d+)$/.exec(where)?.[1] ?? 0);
}

function article(type: string): string {
  const names: Record<string, string> = {
    object: 'a mapping',
    array: 'a list',
    string: 'a string',
    int: 'a whole number',
  };
  return names[type] ?? `a ${type}`;
}

/** `nodes[2].address`. */
export function dotted(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

// The line of the key at `path`, or of the closest parent that is really in the file.
function lineOf(root: unknown, path: Path, lines: LineCounter): number | undefined {
  let node = root as ParsedNode | null;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isNode(item.key) && String(item.key) === String(part));
      if (pair === undefined) break;
      offset = (pair.key as ParsedNode).range?.[0] ?? offset;
      node = pair.value as ParsedNode | null;
    } else {
      const next = (node as { items?: unknown[] } | null)?.items?.[Number(part)];
      if (!isNode(next)) break;
      offset = (next as ParsedNode).range?.[0] ?? offset;
      node = next as ParsedNode;
    }
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
