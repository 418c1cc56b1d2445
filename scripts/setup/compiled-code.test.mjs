import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder;
let file;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  file = join(folder, 'main.cjs');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program of many functions, all of which are called, which prints the word. */
function writeProgram(word, functions = 400) {
  const body =
    'let s = n; for (let i = 0; i < 3; i += 1) s += i * n - (s % 7); return { s, n, t: [s, n, i0] };';
  const lines = Array.from(
    { length: functions },
    (_, at) => `function f${at}(n) { const i0 = n + ${at}; ${body} }`,
  );
  const calls = Array.from({ length: functions }, (_, at) => `f${at}(${at})`);
  writeFileSync(
    file,
    [...lines, `[${calls.join()}];`, `require('node:fs').writeSync(1, '${word}');`].join('\n'),
  );
}

function run() {
  const code = `import(${JSON.stringify(join(import.meta.dirname, 'compiled-code.mjs'))}).then((m) => m.runBundle(process.argv[1], 50_000));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--eval', code, file], { encoding: 'utf8' });
  return `${stdout}${stderr}`;
}

const kept = () => readdirSync(folder).filter((name) => name.endsWith('.code'));

describe('the compiled code of a bundle', () => {
  it('is kept by the first run and used by the next', () => {
    writeProgram('one');
    expect(run()).toBe('one');
    const [code] = kept();
    const { mtimeMs } = statSync(join(folder, code));
    expect(run()).toBe('one');
    expect(kept()).toEqual([code]);
    expect(statSync(join(folder, code)).mtimeMs, 'one that is refused would be made again').toBe(mtimeMs);
  });

  it('of another program as long as this one is not run', () => {
    writeProgram('one');
    run();
    writeProgram('two');
    expect(run()).toBe('two');
  });

  it.each([
    ['is cut short', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['is empty', () => Buffer.alloc(0)],
    ['has a byte changed', (bytes) => bytes.map((byte, at) => (at === bytes.length - 9 ? byte ^ 1 : byte))],
  ])('that %s is made again', (_, damage) => {
    writeProgram('one');
    run();
    const code = join(folder, kept()[0]);
    const damaged = damage(readFileSync(code));
    writeFileSync(code, damaged);
    expect(run()).toBe('one');
    expect(readFileSync(code).equals(damaged)).toBe(false);
  });

  it('that cannot be put in place is left, and nothing of it stays', () => {
    writeProgram('one');
    run();
    const [code] = kept();
    rmSync(join(folder, code));
    mkdirSync(join(folder, code));
    expect(run()).toBe('one');
    expect(readdirSync(folder).sort()).toEqual(['main.cjs', code]);
  });

  it('of a run that compiled little is not kept', () => {
    writeProgram('one', 10);
    expect(run()).toBe('one');
    expect(kept()).toEqual([]);
  });
});
