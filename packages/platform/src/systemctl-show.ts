/**
 * What `systemctl show` prints, read into values. Pure; the calls are in services-systemd.ts.
 */
import { constants } from 'node:os';
import type { ExitCause, ServiceState } from './services.js';

/** Property → value; a property printed several times keeps all its lines, joined by line feeds. */
export type ShownProperties = ReadonlyMap<string, string>;

/** The properties that `stateFromProperties` reads. */
export const stateProperties = [
  'LoadState',
  'LoadError',
  'ActiveState',
  'SubState',
  'Result',
  'MainPID',
  'ExecMainCode',
  'ExecMainStatus',
  'ExecMainStartTimestampMonotonic',
  'ConditionResult',
  'ConditionTimestampMonotonic',
  'NeedDaemonReload',
  'UnitFileState',
  'NRestarts',
] as const;

/** Parses `Key=value` lines. */
export function parseShow(text: string): ShownProperties {
  const properties = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals <= 0) {
      continue;
    }
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1)];
    const before = properties.get(key);
    properties.set(key, before === undefined ? value : `${before}\n${value}`);
  }
  return properties;
}

/** Reads a state. `monotonicMsAtNow` is the kernel's CLOCK_MONOTONIC at `now`, for turning systemd's timestamps into dates. */
export function stateFromProperties(
  shown: ShownProperties,
  now: Date,
  monotonicMsAtNow: number,
): ServiceState {
  const value = (key: (typeof stateProperties)[number]) => shown.get(key) ?? '';
  switch (value('LoadState')) {
    case 'loaded':
      break;
    case 'not-found':
      return { kind: 'missing' };
    case 'masked':
      return { kind: 'masked' };
    default:
      return {
        kind: 'unknown',
        why: `systemd could not load the unit: ${value('LoadState')} ${value('LoadError')}`.trim(),
      };
  }
  const pid = Number(value('MainPID'));
  const withPid = pid > 0 ? { pid } : {};
  const started = startedAt(Number(value('ExecMainStartTimestampMonotonic')), now, monotonicMsAtNow);
  const endsInARow = Number(value('NRestarts')) || 0;
  switch (value('ActiveState')) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return pid > 0
        ? {
            kind: 'active',
            pid,
            ...started,
          }
        : { kind: 'unknown', why: 'systemd calls it active but names no process' };
    case 'activating':
      return value('SubState').startsWith('auto-restart')
        ? { kind: 'restarting', lastExit: lastExit(shown), endsInARow }
        : // Without a process the time is that of the one before.
          { kind: 'activating', ...withPid, ...(pid > 0 ? started : {}) };
    case 'deactivating':
      return { kind: 'deactivating', ...withPid };
    case 'failed':
      return {
        kind: 'failed',
        result: value('Result'),
        lastExit: lastExit(shown),
        endsInARow,
        enabled: enabled(value('UnitFileState')),
      };
    case 'inactive': {
      // ConditionResult says "no" also before the first attempt; the timestamp tells the two apart.
      const refused = value('ConditionResult') === 'no' && Number(value('ConditionTimestampMonotonic')) > 0;
      return refused
        ? {
            kind: 'conditionFailed',
            why: 'the conditions of the unit were not met (no clearance for this boot, or no write-ahead log and no permit)',
          }
        : { kind: 'inactive', result: value('Result'), enabled: enabled(value('UnitFileState')) };
    }
    default:
      return { kind: 'unknown', why: `systemd reports ActiveState=${value('ActiveState')}` };
  }
}

/** `static`, `generated` and the like say nothing about the boot. */
function enabled(unitFileState: string): 'yes' | 'no' | 'unknown' {
  switch (unitFileState) {
    case 'enabled':
    case 'enabled-runtime':
      return 'yes';
    case 'disabled':
      return 'no';
    default:
      return 'unknown';
  }
}

function startedAt(microseconds: number, now: Date, monotonicMsAtNow: number): { startedAt?: Date } {
  return microseconds > 0
    ? { startedAt: new Date(now.getTime() - (monotonicMsAtNow - microseconds / 1000)) }
    : {};
}

/** ExecMainCode is waitid's si_code: 1 exited, 2 killed, 3 killed with a core dump. */
function lastExit(shown: ShownProperties): ExitCause {
  const status = Number(shown.get('ExecMainStatus'));
  switch (shown.get('ExecMainCode')) {
    case '1':
      return { kind: 'exited', code: status };
    case '2':
    case '3':
      return { kind: 'signalled', signal: signalName(status) };
    default:
      return { kind: 'unknown' };
  }
}

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `signal ${number}`;
}
