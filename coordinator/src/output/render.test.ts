/** What goes to stdout: one document in json and yaml, a table that awk can read, etcdctl's own lines. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { goDuration, healthLine } from './health-line.js';
import { formatBytes } from './members.js';
import { render } from './render.js';
import { table } from './table.js';

describe('a view', () => {
  const view = {
    document: { kind: 'Thing', id: '00ff', big: '18446744073709551615', text: 'ä: #x' },
    table: 'T',
  };
  const document = { apiVersion: 'etcd-agent/v1', ...view.document };

  it('is one JSON document with apiVersion and kind first', () => {
    const text = render(view, 'json');
    expect(JSON.parse(text)).toEqual(document);
    expect(Object.keys(JSON.parse(text) as object).slice(0, 2)).toEqual(['apiVersion', 'kind']);
    expect(text.endsWith('}\n')).toBe(true);
  });

  it('is one YAML document with the same content: ids stay text', () => {
    expect(parse(render(view, 'yaml'))).toEqual(document);
  });

  it('is its table alone in table form', () => {
    expect(render(view, 'table')).toBe('T\n');
  });

  it('that was printed already prints nothing', () => {
    for (const format of ['table', 'json', 'yaml'] as const)
      expect(render({ document: undefined, table: undefined }, format)).toBe('');
  });
});

describe('a table', () => {
  it('has columns by two spaces, a dash for nothing, and no spaces at line ends', () => {
    expect(
      table(
        ['NAME', 'ID', 'X'],
        [
          ['a', '', 'long one'],
          ['bbbbbb', '1', ''],
        ],
      ),
    ).toBe(['NAME    ID  X', 'a       -   long one', 'bbbbbb  1   -'].join('\n'));
  });

  it('has as many columns in every row as in its head, whatever the cells without spaces', () => {
    const cell = fc.stringMatching(/^[a-zA-Z0-9:/.,_-]{0,30}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 }), (rows) => {
        const lines = table(['A', 'B', 'C'], rows).split('\n');
        expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines) expect(line.split(/ {2,}/)).toHaveLength(3);
      }),
    );
  });

  it('keeps the text of its cells as it is', () => {
    const text = 'C:\\dir "quoted" <x> & 100%';
    expect(table(['A'], [[text]])).toContain(text);
  });
});

describe("etcdctl's own words", () => {
  it.each([
    [0.000_5, '500ns'],
    [0.870_1, '870.1µs'],
    [3.852_481, '3.852481ms'],
    [12, '12ms'],
    [999.999_999, '999.999999ms'],
    [1_200, '1.2s'],
    [61_500, '1m1.5s'],
    [0, '0s'],
  ])('%d ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });

  it('any duration reads back as it was, to the nanosecond', () => {
    const units = { ns: 1e-6, µs: 1e-3, ms: 1, s: 1e3, m: 6e4 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000_000_000 }), (nanoseconds) => {
        const text = goDuration(nanoseconds / 1e6);
        expect(text).toMatch(/^(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)$/);
        const ms = [...text.matchAll(/([\d.]+)(ns|µs|ms|s|m)/g)].reduce(
          (sum, [, value, unit]) => sum + Number(value) * units[unit as keyof typeof units],
          0,
        );
        expect(ms).toBeCloseTo(nanoseconds / 1e6, 5);
      }),
    );
  });

  it('healthy and unhealthy endpoints are told as etcdctl tells them', () => {
    const endpoint = { name: 'a', endpoint: 'https://10.0.0.1:2379', status: undefined };
    expect(healthLine({ ...endpoint, health: { kind: 'healthy', tookMs: 3.852_481 } })).toBe(
      'https://10.0.0.1:2379 is healthy: successfully committed proposal: took = 3.852481ms',
    );
    expect(healthLine({ ...endpoint, health: { kind: 'unhealthy', why: 'context deadline exceeded' } })).toBe(
      'https://10.0.0.1:2379 is unhealthy: failed to commit proposal: context deadline exceeded',
    );
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [20_480, '20 kB'],
    [1_500, '1.5 kB'],
    [25_000_000, '25 MB'],
    [999_999, '1.0 MB'],
    [8_589_934_592, '8.6 GB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
