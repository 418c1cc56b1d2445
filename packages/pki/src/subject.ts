/**
 * Subject names in cfssl's vocabulary, and what may stand in one.
 */
import { type Problem, throwProblems } from './pki-error.js';

/** One entry of cfssl's `names`. An empty string counts as absent, as in cfssl. */
export interface SubjectName {
  readonly C?: string | undefined;
  readonly ST?: string | undefined;
  readonly L?: string | undefined;
  readonly O?: string | undefined;
  readonly OU?: string | undefined;
}

/** Who a certificate is for: cfssl's `CN` and `names`. Printable ASCII only. */
export interface Subject {
  readonly CN: string;
  readonly names: readonly SubjectName[];
}

/** The order in which cfssl writes the parts of a name; `CN` comes last. */
export const subjectNameFields = [
  'C',
  'ST',
  'L',
  'O',
  'OU',
] as const satisfies readonly (keyof SubjectName)[];

/** Upper bounds in characters, from RFC 5280, appendix A.1. `C` is exactly two letters. */
const charactersMax = { C: 2, ST: 128, L: 128, O: 64, OU: 64, CN: 64 } as const;

/** Throws PkiError `badSubject` naming every bad field. `what` says whose subject it is. */
export function checkSubject(subject: Subject, what: string): void {
  throwProblems('badSubject', `bad subject of ${what}`, subjectProblems(subject));
}

/** Everything wrong with a subject; `path` is `CN` or `names[0].ST`. */
export function subjectProblems(subject: Subject): Problem[] {
  const problems: Problem[] = [];
  const check = (path: string, field: keyof typeof charactersMax, value: string) => {
    const message = subjectFieldProblem(field, value);
    if (message !== undefined) problems.push({ path, message });
  };
  if (subject.CN.trim() === '')
    problems.push({ path: 'CN', message: 'is empty; every certificate has a common name' });
  else check('CN', 'CN', subject.CN);
  for (const [index, name] of subject.names.entries()) {
    for (const field of subjectNameFields) check(`names[${index}].${field}`, field, name[field] ?? '');
  }
  return problems;
}

/** What is wrong with one part of a name, or undefined; an empty part is absent. */
export function subjectFieldProblem(field: keyof typeof charactersMax, value: string): string | undefined {
  if (value === '') return undefined;
  const bad = /[^\x20-\x7e]/u.exec(value)?.[0];
  if (bad !== undefined) {
    const code = bad.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `has the character U+${code}; only printable ASCII is allowed in a certificate subject, write it in Latin letters`;
  }
  if (field === 'C' && !/^[A-Za-z]{2}$/.test(value)) {
    return `is ${JSON.stringify(value.slice(0, 40))}; a country is its two-letter ISO 3166 code, for example CN`;
  }
  const limit = charactersMax[field];
  return value.length > limit ? `is ${value.length} characters long; the limit is ${limit}` : undefined;
}
