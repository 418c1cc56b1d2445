import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from './run.js';
import { temporaryDirectory } from './testing/scratch.js';
import { renderBaseUnit, renderDropIn } from './unit-file.js';
import { renderSandbox, sandboxFileName } from './unit-sandbox.js';

const dataDir = '/var/lib/etcd/default.etcd';
const closing = (text: string) =>
  text.split('\n').filter((line) => /^(Protect(System|Home)|PrivateTmp)=/.test(line));

test.each([
  [{ dataDir }, ['ProtectSystem=full', 'ProtectHome=yes', 'PrivateTmp=yes']],
  [{ dataDir: '/data' }, ['ProtectSystem=full', 'ProtectHome=yes', 'PrivateTmp=yes']],
  [{ dataDir: '/homes/etcd' }, ['ProtectSystem=full', 'ProtectHome=yes', 'PrivateTmp=yes']],
  [{ dataDir: '/home/etcd/data' }, ['ProtectSystem=full', 'PrivateTmp=yes']],
  [{ dataDir: '/usr/local/etcd' }, ['ProtectHome=yes', 'PrivateTmp=yes']],
  [{ dataDir, walDir: '/var/tmp/wal' }, ['ProtectSystem=full', 'ProtectHome=yes']],
])('no setting closes the place where the data lies: %j', (places, settings) => {
  expect(closing(renderSandbox(places))).toEqual(settings);
});

test('every line is a setting with a plain value, or a comment', () => {
  const lines = renderSandbox({ dataDir: '/home/x' }).split('\n');
  expect(lines.at(-1)).toBe('');
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^(# .*|\[Service\]|[A-Za-z]+=[ -~]*)$/);
});

const analyze = await runProgram('systemd-analyze', ['--version'], { timeoutMs: 60_000 });

test.runIf(analyze.kind === 'exited')('systemd knows every setting of it', async () => {
  const directory = temporaryDirectory();
  const unit = { binary: '/bin/true', environmentFile: '/x', permitFile: '/y', dataDir };
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  mkdirSync(join(directory, 'etcd.service.d'));
  write('etcd.service', renderBaseUnit(unit));
  write('etcd.service.d/zz-etcd-agent.conf', renderDropIn(unit));
  const complaints = async (text: string) => {
    write(`etcd.service.d/${sandboxFileName}`, text);
    const args = ['verify', '--man=no', join(directory, 'etcd.service')];
    const { stderr } = await runProgram('systemd-analyze', args, { timeoutMs: 120_000 });
    return stderr.split('\n').filter((line) => line.includes('sandbox.conf'));
  };
  expect(await complaints(renderSandbox(unit))).toEqual([]);
  expect(await complaints(renderSandbox(unit).replace('ProtectClock=', 'ProtectClocks='))).toHaveLength(1);
});
