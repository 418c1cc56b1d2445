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
      message: error.message.split('\n')[0]!,
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
  } catch (error) {
    return {
      kind: 'problems',
      problems: [{ where: label, path: '', message: String((error as Error).message) }],
    };
  }
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return { kind: 'ok', value: parsed.data, locate };
  return { kind: 'problems', problems: problemsOf(parsed.error.issues, locate) };
}

/** The schema's complaints, an unknown key each on its own line. */
function problemsOf(issues: readonly z.core.$ZodIssue[], locate: (path: Path) => string): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        where: locate([...path, key]),
        path: dotted([...path, key]),
        message: 'is not a known key',
      }));
    }
    const message = issue.code === 'invalid_type' ? typeMessage(issue) : issue.message;
    return [{ where: locate(path), path: dotted(path), message }];
  });
}

function typeMessage(issue: z.core.$ZodIssueInvalidType): string {
  return issue.input === undefined && /received undefined/.test(issue.message)
    ? 'is required'
    : `must be ${article(issue.expected)}`;
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
