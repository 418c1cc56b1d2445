/** The draw alone: what the rounds do is told on booted hosts. */
import { expect, test } from 'vitest';
import { drawRounds, strikeKinds } from './rounds.js';

const hosts = ['a', 'b', 'c', 'd', 'e'];
const seeds = Array.from({ length: 50 }, (_, at) => String(at));

test('a seed gives the same rounds again, and a longer run begins like a shorter one', () => {
  expect(drawRounds('1', 40, hosts).slice(0, 20)).toEqual(drawRounds('1', 20, hosts));
  expect(drawRounds('2', 20, hosts)).not.toEqual(drawRounds('1', 20, hosts));
});

test('twenty rounds have a strike of each kind', () => {
  for (const seed of seeds) {
    const kinds = drawRounds(seed, 20, hosts).flatMap(({ strikes }) => strikes.map(({ kind }) => kind));
    expect(strikeKinds.filter((kind) => !kinds.includes(kind))).toEqual([]);
  }
});

test('no round takes the quorum of five: one host is struck, or two different ones', () => {
  const rounds = seeds.flatMap((seed) => drawRounds(seed, 20, hosts));
  const sizes = rounds.map(({ strikes }) => new Set(strikes.map(({ on }) => on)).size);
  expect(rounds.map(({ strikes }) => strikes.length)).toEqual(sizes);
  expect([...new Set(sizes)].sort()).toEqual([1, 2]);
});

test('some round cuts a host off while the data of another is gone', () => {
  const texts = seeds.flatMap((seed) => drawRounds(seed, 20, hosts).map(({ text }) => text));
  expect(texts.filter((text) => /cut off; .*wiped/.test(text)).length).toBeGreaterThan(0);
});
