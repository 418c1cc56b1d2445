import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProgramResult } from './run.js';
import { temporaryDirectory } from './testing/scratch.js';
import { startArguments, type TransientUnit, transientUnits } from './transient-unit.js';

const ok = (stdout = ''): ProgramResult => ({ kind: 'exited', code: 0, stdout, stderr: '' });
const bad = (stderr: string): ProgramResult => ({ kind: 'exited', code: 1, stdout: '', stderr });

/** A systemd whose unit is in these states, one look after the other; the last one stays. */
function systemd(states: string[], started: ProgramResult = ok()) {
  const calls: string[] = [];
  const unit: TransientUnit = {
    name: 'etcd-agent-x',
    argv: ['/usr/bin/x', 'install', 'etcd'],
    timeoutMs: 1_500,
    outputFile: join(temporaryDirectory(), 'state', 'output'),
  };
  mkdirSync(dirname(unit.outputFile));
  const units = transientUnits({
    clock: { now: () => new Date(), monotonicMs: () => 0, sleep: async () => {} } as never,
    systemctl: async ([verb = '']) => {
      calls.push(verb);
      if (verb !== 'show') return ok();
      const state = states.length > 1 ? states.shift()! : states[0]!;
      return state === 'no answer' ? bad('Failed to get properties: Connection timed out') : ok(state);
    },
    systemdRun: async (args) => {
      calls.push(`run ${args.slice(args.indexOf('--') + 1).join(' ')}`);
      if (started.kind === 'exited' && started.code === 0) writeFileSync(unit.outputFile, 'E: it said why\n');
      return started;
    },
  });
  return { units, unit, calls };
}

describe('a transient unit', () => {
  it('is begun once, waited for, and cleared away', async () => {
    const { units, unit, calls } = systemd([
      '',
      'ActiveState=activating',
      'ActiveState=active\nResult=success',
    ]);
    expect(await units.run(unit)).toEqual({ kind: 'succeeded' });
    expect(calls).toEqual([
      'show',
      'stop',
      'reset-failed',
      'run /usr/bin/x install etcd',
      'show',
      'show',
      'stop',
      'reset-failed',
    ]);
  });

  it('is not stopped because systemd does not answer once', async () => {
    const { units, unit, calls } = systemd([
      'ActiveState=activating',
      'no answer',
      'ActiveState=activating',
      'ActiveState=active',
    ]);
    expect(await units.run(unit)).toEqual({ kind: 'succeeded' });
    expect(calls).toEqual(['show', 'show', 'show', 'show', 'stop', 'reset-failed']);
    const silent = systemd(['no answer']);
    expect(await silent.units.run(silent.unit)).toMatchObject({ kind: 'failed', mayRun: true });
    expect(silent.calls).toEqual(['show']);
  });

  it('that runs already, for an agent before this one, is waited for and not begun again', async () => {
    const { units, unit, calls } = systemd([
      'ActiveState=activating',
      'ActiveState=activating',
      'ActiveState=active',
    ]);
    expect(await units.run(unit)).toEqual({ kind: 'succeeded' });
    expect(calls.filter((call) => call.startsWith('run'))).toEqual([]);
  });

  it.each([
    ['ActiveState=failed\nResult=exit-code\nExecMainStatus=100', '/usr/bin/x exited with 100'],
    ['ActiveState=failed\nResult=timeout', '/usr/bin/x did not end in time'],
    ['ActiveState=inactive', '/usr/bin/x was stopped'],
  ])('that ends as %j fails with the end of what it printed', async (state, why) => {
    const { units, unit } = systemd(['', state]);
    expect(await units.run(unit)).toEqual({ kind: 'failed', why, tail: 'E: it said why', mayRun: false });
  });

  it('that systemd does not take is told', async () => {
    const { units, unit } = systemd([''], bad('Failed to connect to bus'));
    expect(await units.run(unit)).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining('connect to bus'),
    });
  });

  it('gets its command line as it is, behind a line that ends what systemd-run reads', () => {
    const { unit } = systemd(['']);
    const words = startArguments(unit);
    expect(words.slice(words.indexOf('--') + 1)).toEqual([...unit.argv]);
    expect(words).toContain('--unit=etcd-agent-x');
    expect(words).toContain('--property=TimeoutStartSec=2');
  });
});
