import { expect, it } from 'vitest';
import * as z from 'zod';
import { readStrictYaml } from './index.js';

const schema = z.strictObject({
  name: z.string(),
  size: z.int().optional(),
  nodes: z.array(z.strictObject({ name: z.string(), port: z.int().max(65535).optional() })).min(1),
});

it('reports every problem at once, each with its line', () => {
  const text = 'name: 5\nnodez: []\nnodes:\n  - name: a\n    prot: 1\n  - { name: b, port: 70000 }\n';
  const reading = readStrictYaml(text, schema, 'c.yaml');
  expect(
    reading.kind === 'problems' && reading.problems.map((p) => `${p.where} ${p.path} ${p.message}`),
  ).toEqual([
    'c.yaml:1 name must be a string, not 5',
    'c.yaml:2 nodez is not a known key',
    'c.yaml:5 nodes[0].prot is not a known key',
    'c.yaml:6 nodes[1].port must be at most 65535, not 70000',
  ]);
});

it('says that a missing key is required, at its parent', () => {
  const reading = readStrictYaml('name: x\nnodes:\n  - port: 1\n', schema, 'c.yaml');
  expect(reading).toMatchObject({
    problems: [{ where: 'c.yaml:3', path: 'nodes[0].name', message: 'is required' }],
  });
});

it('names the line of a syntax error and of a key given twice', () => {
  expect(readStrictYaml('name: [\n', schema, 'c.yaml')).toMatchObject({ kind: 'problems' });
  const twice = readStrictYaml('name: a\nname: b\n', schema, 'c.yaml');
  expect(twice).toMatchObject({ problems: [{ where: 'c.yaml:2', message: 'the key name is there twice' }] });
});

it('locates a good value for later checks', () => {
  const reading = readStrictYaml('name: x\nnodes:\n  - name: a\n  - name: a\n', schema, 'c.yaml');
  expect(reading.kind === 'ok' && reading.locate(['nodes', 1, 'name'])).toBe('c.yaml:4');
});

it('refuses aliases and a file that is too large', () => {
  expect(readStrictYaml('name: &a x\nnodes: [{name: *a}]\n', schema, 'c.yaml')).toEqual({
    kind: 'problems',
    problems: [
      {
        where: 'c.yaml:2',
        path: '',
        message: 'has a YAML alias (*name), which is not taken here: write the value out',
      },
    ],
  });
  expect(readStrictYaml(`name: ${'x'.repeat(300_000)}\n`, schema, 'c.yaml').kind).toBe('problems');
});
