// What a removal does to etcd's drop-in, with the drop-in that the product really writes.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { renderDropIn } from '../packages/platform/dist/unit-file.js';

let folder;
let dropIn;
let clearance;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'let-etcd-start-'));
  dropIn = join(folder, 'zz-etcd-agent.conf');
  clearance = join(folder, 'clear%ed');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(clearanceFile = clearance) {
  return renderDropIn({
    binary: '/usr/bin/etcd',
    environmentFile: '/etc/etcd/etcd.conf',
    dataDir: '/var/lib/etcd/default.etcd',
    permitFile: '/run/etcd-agent/may-start-empty',
    ...(clearanceFile === undefined ? {} : { clearanceFile }),
    logFile: '/x',
  });
}

/** The function of the scripts, on our drop-in, beside an etcd that runs or does not. */
function remove(etcdRuns) {
  const text = readFileSync(new URL('etcd-agent/let-etcd-start.sh', import.meta.url), 'utf8');
  const ours = text.replace('/etc/systemd/system/etcd.service.d/zz-etcd-agent.conf', dropIn);
  const script = `set -e\nsystemctl() { ${etcdRuns ? 'true' : 'false'}; }\n${ours}\nlet_etcd_start`;
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
}

function settings(text) {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

const isClearanceCondition = (line) => line.startsWith('ConditionPathExists=/');

test('of a cleared disk the condition goes, and nothing else: an empty directory still stops a start', () => {
  writeFileSync(dropIn, written());
  writeFileSync(clearance, '');
  expect(settings(written()).filter(isClearanceCondition)).toHaveLength(1);
  expect(remove(false)).toContain('etcd starts without an agent');
  const after = readFileSync(dropIn, 'utf8');
  expect(settings(after)).toEqual(settings(written()).filter((line) => !isClearanceCondition(line)));
  expect(after).toMatch(/^ConditionPathExistsGlob=\|.*\/wal\/\*\.wal$/m);
  // Still known as the agent's own, for the agent that may come back.
  expect(after.split('\n')[0]).toBe(written().split('\n')[0]);
});

test('the same where etcd runs', () => {
  writeFileSync(dropIn, written());
  remove(true);
  expect(settings(readFileSync(dropIn, 'utf8')).filter(isClearanceCondition)).toEqual([]);
});

test('where etcd neither runs nor is cleared it stays held, and the way out is printed', () => {
  writeFileSync(dropIn, written());
  const output = remove(false);
  expect(readFileSync(dropIn, 'utf8')).toBe(written());
  expect(output).toContain(`mv ${dropIn}.without-agent ${dropIn}`);
  expect(settings(readFileSync(`${dropIn}.without-agent`, 'utf8')).filter(isClearanceCondition)).toEqual([]);
});

test('without a drop-in, or without the condition in it, nothing is touched', () => {
  expect(remove(false)).toBe('');
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(dropIn, written().replace(/^ConditionPathExists=\/.*\n/m, ''));
  const before = readFileSync(dropIn, 'utf8');
  expect(remove(true)).toBe('');
  expect(readFileSync(dropIn, 'utf8')).toBe(before);
  expect(existsSync(`${dropIn}.new`)).toBe(false);
});
