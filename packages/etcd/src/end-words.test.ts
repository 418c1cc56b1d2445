import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCorruption, meaningOf } from './end-table.js';
import { judgeEnds } from './end-words.js';

const logOf = (name: string) => readFileSync(new URL(`./testdata/ends/${name}.log`, import.meta.url), 'utf8');
const codesOf = (log: string) =>
  judgeEnds(log).runs.map((end) => (end.kind === 'known' ? end.code : end.kind));

/**
 * What was done to the data or the host before each run of the logs in testdata/ends: real etcds, one run after another,
 * paths and long traces cut.
 */
const wounds = {
  'a byte of the WAL flipped': 'walCrc',
  'a length in the WAL beyond its end': 'walCrc',
  'a WAL of zeros': 'walMissing',
  'a WAL that begins after the snapshot': 'walMissing',
  'no backend': 'snap',
  'a backend of 100 bytes': 'bolt',
  'a backend of 4096 bytes': 'bolt',
  'a backend of 8192 bytes': 'boltFault',
  'both heads of the backend with a flipped byte': 'bolt',
  'both heads of the backend of another version': 'bolt',
  'zeros from the third page of the backend': 'bolt',
  'noise from the third page of the backend': 'bolt',
  'an empty directory under the id of a member': 'tocommit',
  'a WAL that etcd may not read': 'permission',
  'a backend that etcd may not read': 'permission',
  'a read-only file system': 'readOnly',
  'a full disk': 'noSpace',
  'a port that is taken': 'portInUse',
  'an address of another host': 'addressNotHere',
  'no certificate': 'tls',
  'a useless election timeout, then no such name in the initial cluster': 'flags',
  'one member too few in the initial cluster': 'joinMismatch',
  'the state "new" and no data, of a member that there has been': 'alreadyBootstrapped',
  'no peer that answers': 'peersUnreachable',
  'removed from the cluster': 'removed',
  SIGTERM: 'stopped',
  'the second half of the backend cut off': 'boltFault',
  'a flipped byte in a snapshot, which does not matter': 'running',
};

describe('how runs of real etcd ended', () => {
  it.each(['3.3.25-capnslog', '3.4.23-capnslog', '3.4.23-zap'])('is told apart in the log of %s', (name) => {
    const codes = codesOf(logOf(name));
    expect(Object.fromEntries(Object.keys(wounds).map((wound, at) => [wound, codes[at]]))).toEqual(wounds);
    expect(codes).toHaveLength(Object.keys(wounds).length);
  });

  it.each(['3.5.16-zap', '3.5.30-zap'])('is told apart in the log of %s, which starts on more', (name) => {
    const codes = codesOf(logOf(name));
    // Both were killed while they served. 3.5 cuts the WAL off at the bad length, and starts on half a backend.
    const served = {
      'a length in the WAL beyond its end': 'unknown',
      'the second half of the backend cut off': 'unknown',
    };
    // This one was stopped before it listened to signals.
    const stopped = name === '3.5.30-zap' ? { SIGTERM: 'unknown' } : {};
    const expected = Object.values({ ...wounds, ...served, ...stopped });
    // 3.5 says what it runs before it looks at its flags, so that both ends by flags are told apart.
    expected.splice(expected.indexOf('flags'), 0, 'flags');
    expect(codes).toEqual(expected);
  });

  it('is in the words of etcd, without time and place', () => {
    expect(judgeEnds(logOf('3.5.30-zap')).runs[0]).toEqual({
      kind: 'known',
      code: 'walCrc',
      text: 'discovery failed: walpb: crc mismatch',
    });
    expect(judgeEnds(logOf('3.3.25-capnslog')).runs[0]).toMatchObject({
      text: 'etcdmain: walpb: crc mismatch',
    });
  });
});

describe('the last words of etcd', () => {
  const banner = '2026-01-02 03:04:05.678901 I | etcdmain: etcd Version: 3.3.25';
  const critical = (text: string) => `2026-01-02 03:04:05.678901 C | ${text}`;
  const warning = (text: string) => `2026-01-02 03:04:05.678901 W | ${text}`;

  it('are not what a healthy etcd warns of', () => {
    const said = [
      'snap: cannot read the snapshot: snap: crc mismatch',
      'rafthttp: tocommit(9) is out of range',
      'read /var/lib/etcd: permission denied',
      'rafthttp: failed to dial 5b17807ef916029a on stream Message (the member has been permanently removed from the cluster)',
    ];
    expect(codesOf([banner, ...said.map(warning)].join('\n'))).toEqual(['running']);
  });

  it('do not accuse the data when the disk has reported errors', () => {
    const log = [
      banner,
      warning('etcdserver: sync duration: read: input/output error'),
      critical('etcdmain: walpb: crc mismatch'),
    ];
    expect(codesOf(log.join('\n'))).toEqual(['ioError']);
    const unreadable = critical(
      'mvcc/backend: cannot open database at /var/lib/etcd/member/snap/db (input/output error)',
    );
    expect(codesOf([banner, unreadable].join('\n'))).toEqual(['ioError']);
  });

  it('that nobody knows are kept, and are not corruption', () => {
    const ends = judgeEnds(`${banner}\npanic: something new\n\ngoroutine 1 [running]:\nmain.main()\n`).runs;
    expect(ends).toEqual([{ kind: 'unknown', text: 'panic: something new' }]);
  });

  it('are found in the middle of a log whose beginning and end are cut off', () => {
    const log = `c_id":"1"}\npanic: freepages: failed to get all reachable pages (page 0: invalid type: unknown<00>)\n\ngoroutine 7`;
    expect(codesOf(log)).toEqual(['bolt']);
  });

  it.each([
    'flag provided but not defined: -nonsense',
    'invalid value "abc" for flag -heartbeat-interval: parse error',
    critical('etcdmain: invalid value "abc" for ETCD_HEARTBEAT_INTERVAL: parse error'),
    critical(
      'pkg/flags: conflicting environment variable "ETCD_NAME" is shadowed by corresponding command-line flag (either unset environment variable or disable flag)',
    ),
    '{"level":"warn","msg":"failed to verify flags","error":"invalid value \\"abc\\" for ETCD_HEARTBEAT_INTERVAL: parse error"}',
  ])('before the banner count too: %s', (line) => {
    expect(codesOf(line)).toEqual(['flags']);
  });

  it('of every run count for that run alone', () => {
    const died = [banner, critical('etcdmain: walpb: crc mismatch')];
    expect(codesOf([...died, ...died, banner].join('\n'))).toEqual(['walCrc', 'walCrc', 'running']);
    expect(codesOf([banner, warning('x'), banner, warning('y')].join('\n'))).toEqual(['unknown', 'running']);
  });

  it('are told to be none when systemd says that it was killed', () => {
    const started = ['Starting etcd - highly-available key value store...', banner];
    const killed = ['etcd.service: Main process exited, code=killed, status=9/KILL'];
    expect(codesOf([...started, ...killed].join('\n'))).toEqual(['unknown']);
    const twice = judgeEnds([...started, ...killed, ...started].join('\n')).runs;
    expect(twice).toEqual([
      { kind: 'unknown', text: killed[0] },
      { kind: 'running', text: 'etcdmain: etcd Version: 3.3.25' },
    ]);
  });

  it('are looked for in any text without failing', () => {
    expect(judgeEnds('')).toEqual({ runs: [] });
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom(banner, critical('x'), '{"level":"fatal"}', '{'),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const end of judgeEnds(lines.join('\n')).runs) expect(typeof end.text).toBe('string');
      }),
    );
  });
});

describe('what an end means', () => {
  it('is corruption for data that is broken, and for nothing else', () => {
    const known = [...new Set(Object.values(wounds))].filter((code) => code !== 'running');
    expect(known.filter((code) => isCorruption(code as never))).toEqual([
      'walCrc',
      'walMissing',
      'snap',
      'bolt',
      'boltFault',
      'tocommit',
    ]);
    expect(isCorruption('ioError')).toBe(false);
    expect(meaningOf('noSpace')).toBe('the disk is full');
  });
});
