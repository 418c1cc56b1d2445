import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvFile, quoteEnvValue, replaceValues } from './env-file.js';

const valuesOf = (text: string) => Object.fromEntries(parseEnvFile(text).values);

/** Fragments that are hard to read together: whatever text they make must survive an edit. */
const nasty = fc
  .array(
    fc.constantFrom(
      'A',
      'B',
      '=',
      '"',
      "'",
      '\\',
      '\n',
      '\r\n',
      ' ',
      '\t',
      '#',
      ';',
      'x',
      '$',
      'STATE="new"\n',
      'STATE=1',
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

describe('environment files', () => {
  it.each([
    ['KEY="value"', { KEY: 'value' }],
    ['KEY=500', { KEY: '500' }],
    ['KEY=existing                        ', { KEY: 'existing' }],
    ["KEY='a b'", { KEY: 'a b' }],
    ['KEY = v', { KEY: 'v' }],
    ['KEY=', { KEY: '' }],
    ['KEY=a=b', { KEY: 'a=b' }],
    ['KEY=it"s', { KEY: 'it"s' }],
    ['KEY="a" "b"', { KEY: 'ab' }],
    ['KEY="a\\"b\\n"', { KEY: 'a"b\\n' }],
    ['KEY=one\\\ntwo', { KEY: 'onetwo' }],
    ['KEY="one\ntwo"', { KEY: 'one\ntwo' }],
    ['KEY=a # not a comment', { KEY: 'a # not a comment' }],
    ['#KEY=1\n;KEY=2\n  # KEY=3\n', {}],
    ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['A=1\nA=2\n', { A: '2' }],
  ])('%j is read as systemd reads it', (text, values) => {
    expect(valuesOf(text)).toEqual(values);
  });

  it.each([
    ['A=1\nexport B=2\n', 2, /not a variable name/],
    ['A=1\n\nB\n', 3, /no "="/],
    ['="\nA=1\n', 1, /no "="/],
    ['A="1\nB=2\n', 1, /never closed/],
    ['A=1\nA=2\n', 2, /assigned again/],
    ['# see C:\\\nA=1\n', 1, /backslash/],
    ['A=\0\n', 1, /NUL/],
  ])('%j: line %d is reported', (text, line, message) => {
    expect(parseEnvFile(text).problems).toEqual([{ line, message: expect.stringMatching(message) }]);
  });

  it('values are written so that they read back the same, or not at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        let quoted: string;
        try {
          quoted = quoteEnvValue(value);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        const file = parseEnvFile(`A=1\nKEY=${quoted}\nB=2\n`);
        expect(file.problems).toEqual([]);
        expect(Object.fromEntries(file.values)).toEqual({ A: '1', KEY: value, B: '2' });
      }),
    );
  });

  it.each([
    'a"b',
    "a'b",
    'a\\b',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\u007fb',
    'a\u2028b',
    'a\ud800b',
    '$HOME',
    '`id`',
  ])('%j is never written', (value) => {
    expect(() => quoteEnvValue(value)).toThrow(/never written/);
  });

  it('replacing a value leaves every other byte as it was', () => {
    const text = '# mine\r\n\tODD =  1 \\\n  2\nSTATE = "new"  \n;note\nUNKNOWN=\'x\'\nlast';
    expect(replaceValues(text, { STATE: 'existing' })).toBe(text.replace('"new"', '"existing"'));
  });

  it.each(['STATE=new   \n', 'STATE= new\t\nB=1', 'STATE=new', "STATE='n'ew # x  \r\n", 'STATE=new\\\n  \n'])(
    'replacing the value in %j keeps the blanks around it',
    (text) => {
      const edited = replaceValues(text, { STATE: 'existing' });
      expect(edited).toBe(text.replace(/(?<==\s*)[^\s=].*?(?=\s*$)/ms, '"existing"'));
    },
  );

  it('replacing a value in any text changes that variable, no other, and nothing around it', () => {
    fc.assert(
      fc.property(nasty, nasty, (before, after) => {
        const text = `${before}\nSTATE="new"\n${after}`;
        const old = parseEnvFile(text);
        fc.pre(old.values.has('STATE'));
        const edited = replaceValues(text, { STATE: 'existing' });
        const now = parseEnvFile(edited);
        expect(Object.fromEntries(now.values)).toEqual({
          ...Object.fromEntries(old.values),
          STATE: 'existing',
        });
        expect(outsideOf('STATE', edited)).toEqual(outsideOf('STATE', text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('replacing a variable that is not assigned is refused, also when a comment mentions it', () => {
    expect(() => replaceValues('#STATE=new\nA=1\n', { STATE: 'existing' })).toThrow(/not assigned.*STATE/);
  });
});

/** The text between the values of one variable. */
function outsideOf(key: string, text: string): string[] {
  const pieces: string[] = [];
  let kept = 0;
  for (const line of parseEnvFile(text).lines) {
    if (line.kind !== 'assignment' || line.key !== key) continue;
    pieces.push(text.slice(kept, line.start));
    kept = line.end;
  }
  return [...pieces, text.slice(kept)];
}
