/** What the probe script prints is read, whatever else an account's startup files print around it. */
import { expect, it } from 'vitest';
import { parseProbe } from './probe.js';

const status =
  '{  "kind": "AgentStatus",  "identity": { "cluster": "c", "node": "n0" },  "joinToken": null }';
const printed = `Welcome to n0!
probe begin 1
probe os.id rocky
probe os.like rhel centos fedora
probe os.name Rocky Linux 9.4 (Blue Onyx)
probe machine x86_64
probe libc glibc 2.34
probe init systemd
probe systemd systemd 252 (252-32.el9)
probe program rpm
probe program dnf
probe rpm 0.1.0-1
probe unit.active active
probe unit.enabled enabled
probe user ann
probe root sudo
probe status ${status}
probe end 1
`;
const probeOf = (text: string) => {
  const reading = parseProbe(text);
  if (reading.kind === 'unreadable') throw new Error(reading.why);
  return reading.probe;
};

it('a host with everything', () => {
  expect(probeOf(printed)).toEqual({
    os: { id: 'rocky', like: ['rhel', 'centos', 'fedora'], name: 'Rocky Linux 9.4 (Blue Onyx)' },
    machine: 'x86_64',
    glibc: '2.34',
    systemd: 252,
    programs: ['rpm', 'dnf'],
    root: { kind: 'sudo' },
    installed: { deb: undefined, rpm: '0.1.0-1' },
    unit: { active: true, enabled: true },
    status: { kind: 'known', identity: { cluster: 'c', node: 'n0' }, joinToken: undefined },
  });
});

it('lines may end as on a terminal', () => {
  expect(probeOf(printed.replaceAll('\n', '\r\n'))).toEqual(probeOf(printed));
});

it('a host of which nothing is known is one with nothing', () => {
  expect(probeOf('probe begin 1\nprobe libc \nprobe root no\nprobe user ann\nprobe end 1\n')).toEqual({
    os: { id: 'unknown', like: [], name: 'an unknown system' },
    machine: 'unknown',
    glibc: undefined,
    systemd: undefined,
    programs: [],
    root: { kind: 'none', user: 'ann', said: '' },
    installed: { deb: undefined, rpm: undefined },
    unit: { active: false, enabled: false },
    status: { kind: 'absent' },
  });
});

it('a .deb that is half way in or out is not installed', () => {
  const debOf = (text: string) => probeOf(`probe begin 1\nprobe deb ${text}\nprobe end 1`).installed.deb;
  expect(debOf('0.1.0 install ok installed')).toBe('0.1.0');
  expect(debOf('0.1.0 hold ok installed')).toBe('0.1.0');
  expect(debOf('0.1.0 install ok half-configured')).toBeUndefined();
  expect(debOf('0.1.0 deinstall ok config-files')).toBeUndefined();
  expect(debOf('')).toBeUndefined();
});

it('why sudo refuses is kept in its own words', () => {
  const { root } = probeOf(
    'probe begin 1\nprobe user ann\nprobe root no sudo: a password is required\nprobe end 1',
  );
  expect(root).toEqual({ kind: 'none', user: 'ann', said: 'sudo: a password is required' });
});

it.each([
  ['', 'no shell'],
  ['This account is not available.\n', 'no shell'],
  [printed.slice(0, printed.indexOf('probe end')), 'cut short'],
])('what is no whole answer is not believed', (text, why) => {
  expect(parseProbe(text)).toMatchObject({ kind: 'unreadable', why: expect.stringContaining(why) });
});

it('a status that is no JSON is a failure of the agent, not an agent without identity', () => {
  expect(probeOf('probe begin 1\nprobe status {"identity":\nprobe end 1').status).toMatchObject({
    kind: 'failed',
  });
});
