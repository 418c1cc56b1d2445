/** What an edited topology changes is told key by key. */
import { expect, it } from 'vitest';
import { threeNodes } from '../testing/topologies.js';
import { differences } from './differences.js';
import { parseTopology } from './read.js';

const read = (text: string) => parseTopology(text, 'c.yaml', () => '').topology;
const between = (after: string) =>
  differences(read(threeNodes), read(after)).map(({ path, before, after: now }) => [path, before, now]);

it('nothing differs where only defaults are spelled out or comments are added', () => {
  expect(between(`# a remark\n${threeNodes}healing: { orphan: 15m }\netcd: { clientPort: 2379 }\n`)).toEqual(
    [],
  );
});

it('every key that differs is named as in the file, with both values', () => {
  expect(
    between(`${threeNodes.replace('10.0.0.12', '10.0.0.13')}healing: { mode: watch, hang: 20s }\n`),
  ).toEqual([
    ['nodes[2].address', '10.0.0.12', '10.0.0.13'],
    ['healing.mode', 'heal', 'watch'],
    ['healing.hang', '10s', '20s'],
  ]);
});

it('a node that is left out and another key of the certificates differ', () => {
  const paths = between(threeNodes.replace(/^.*n2.*$/m, '').replace('256', '384')).map(([path]) => path);
  expect(paths).toContain('nodes[2]');
  expect(paths).toContain('pki.key.size');
});
