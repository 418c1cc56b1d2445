/** Which of the data that was moved aside is kept. On real directories. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, linuxFiles, systemClock } from '@etcd-agent/platform';
import { healingPolicySchema } from '@etcd-agent/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HealStore } from './memory.js';
import { pruneQuarantines } from './quarantines.js';

const kib = 1024;
const day = 86_400_000;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quarantines-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What is left of the quarantines of these repairs, each 100 KiB; `ageDays` since the repair ended. */
async function left(
  repairs: readonly { readonly names: readonly string[]; readonly ageDays: number }[],
  policy: { readonly quarantineMs?: number; readonly quarantineBytesMax?: number } = {},
): Promise<string[]> {
  const history = repairs.map(({ names, ageDays }) => ({
    quarantines: names.map((name) => join(directory, name)),
    endedAt: new Date(Date.now() - ageDays * day).toISOString(),
  }));
  for (const path of history.flatMap(({ quarantines }) => quarantines)) {
    mkdirSync(path);
    // Durably: until then it may take no room yet.
    await linuxFiles.writeAtomic(join(path, 'db'), Buffer.alloc(100 * kib, 1), { mode: 0o600 });
  }
  const heal = { read: async () => ({ history }) } as unknown as HealStore;
  const host = {
    files: linuxFiles,
    clock: systemClock,
    log: await createLogger({ name: 'test', level: 'fatal' }),
  };
  await pruneQuarantines(host, heal, { healing: healingPolicySchema.parse(policy) });
  return repairs.flatMap(({ names }) => names).filter((name) => existsSync(join(directory, name)));
}

it('all of them, where they are young and few', async () => {
  const repairs = [
    { names: ['a', 'b'], ageDays: 6 },
    { names: ['c'], ageDays: 0 },
  ];
  expect(await left(repairs)).toEqual(['a', 'b', 'c']);
});

it('the newest, however old', async () => {
  const repairs = [
    { names: ['a'], ageDays: 9 },
    { names: ['b'], ageDays: 8 },
  ];
  expect(await left(repairs)).toEqual(['b']);
});

it('of a repair with several tries also what the member had when it began, and not the tries between', async () => {
  const repairs = [
    { names: ['former'], ageDays: 9 },
    { names: ['had', 'try-1', 'try-2', 'try-3'], ageDays: 8 },
  ];
  expect(await left(repairs)).toEqual(['had', 'try-3']);
});

it('as many of the others as there is room for, newest first', async () => {
  const repairs = ['a', 'b', 'c', 'd'].map((name) => ({ names: [name], ageDays: 1 }));
  expect(await left(repairs, { quarantineBytesMax: 250 * kib })).toEqual(['b', 'c', 'd']);
});

it('what is not there any more counts for nothing', async () => {
  mkdirSync(join(directory, 'elsewhere'));
  const heal = {
    read: async () => ({
      history: [
        { quarantines: [join(directory, 'elsewhere')], endedAt: new Date(0).toISOString() },
        { quarantines: [join(directory, 'gone')], endedAt: new Date().toISOString() },
      ],
    }),
  } as unknown as HealStore;
  const host = {
    files: linuxFiles,
    clock: systemClock,
    log: await createLogger({ name: 'test', level: 'fatal' }),
  };
  await pruneQuarantines(host, heal, { healing: healingPolicySchema.parse({}) });
  expect(existsSync(join(directory, 'elsewhere'))).toBe(true);
});
