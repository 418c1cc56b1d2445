/** What is done on a host, from what is found there. */
import { describe, expect, it } from 'vitest';
import { type InstallPlan, type LocalPackage, planInstall, type Wish } from './plan.js';
import type { HostProbe } from './probe.js';

const deb: LocalPackage = { kind: 'deb', version: '0.2.0', machine: 'x86_64', path: '/p.deb', sha256: 'aa' };
const rpm: LocalPackage = {
  kind: 'rpm',
  version: '0.2.0-1',
  machine: 'x86_64',
  path: '/p.rpm',
  sha256: 'bb',
};
const source = { kind: 'files', files: [deb, rpm] } as const;

const fresh: HostProbe = {
  os: { id: 'debian', like: [], name: 'Debian GNU/Linux 12' },
  machine: 'x86_64',
  glibc: '2.36',
  systemd: 252,
  programs: ['dpkg', 'apt-get'],
  root: { kind: 'root' },
  installed: { deb: undefined, rpm: undefined },
  unit: { active: false, enabled: false },
  status: { kind: 'absent' },
};
const ours = { cluster: 'c', node: 'n0' };
const enrolledHost: HostProbe = {
  ...fresh,
  installed: { deb: '0.2.0', rpm: undefined },
  unit: { active: true, enabled: true },
  status: { kind: 'known', identity: ours, joinToken: undefined },
};
const wish: Wish = { ...ours, source, enrolled: false, tokenOut: undefined, bootstrapped: false };
const rocky = {
  os: { id: 'rocky', like: ['rhel', 'centos'], name: 'Rocky Linux 9' },
  programs: ['rpm', 'dnf', 'yum'],
};

const plan = (probe: Partial<HostProbe> = {}, wanted: Partial<Wish> = {}) =>
  planInstall({ ...fresh, ...probe }, { ...wish, ...wanted });
const stepsOf = (made: InstallPlan) =>
  made.kind === 'refuse'
    ? `refused: ${made.what}`
    : made.steps
        .map((step) =>
          'by' in step ? `${step.kind} ${step.by}` : 'which' in step ? `token ${step.which}` : step.kind,
        )
        .join(', ');

describe('the package', () => {
  it('is copied and installed on a bare host, then token, start and answer', () => {
    expect(stepsOf(plan())).toBe('copy, install apt, token new, enable, answer');
    expect(stepsOf(plan(rocky))).toBe('copy, install dnf, token new, enable, answer');
    expect(stepsOf(plan({ ...rocky, programs: ['rpm', 'yum'] }))).toContain('install yum');
  });

  it('is of the kind that the host is made of, where it can take both', () => {
    expect(stepsOf(plan({ programs: ['dpkg', 'apt-get', 'rpm', 'dnf'] }))).toContain('install apt');
    const onlyRpm = { source: { kind: 'files', files: [rpm] } } as const;
    expect(stepsOf(plan({ programs: ['dpkg', 'apt-get', 'rpm', 'dnf'] }, onlyRpm))).toContain('install dnf');
  });

  it('is left alone in the same version, with all that is there', () => {
    const made = planInstall(enrolledHost, { ...wish, enrolled: true });
    expect(made).toEqual({
      kind: 'steps',
      steps: [{ kind: 'answer' }],
      kept: ['etcd-agent 0.2.0', 'enrolled', 'runs'],
    });
  });

  it('is upgraded from an older one, without a new identity', () => {
    const older = { ...enrolledHost, installed: { deb: '0.1.9', rpm: undefined } };
    expect(stepsOf(planInstall(older, { ...wish, enrolled: true }))).toBe(
      'copy, install apt, enable, answer',
    );
  });

  it('is not replaced by an older one', () => {
    expect(stepsOf(plan({ installed: { deb: '0.10.0', rpm: undefined } }))).toMatch(
      /refused: .*0\.10\.0.*newer than 0\.2\.0/,
    );
  });

  it('comes from a repository where that is wanted, and is not asked for twice', () => {
    const repository = { source: { kind: 'repository' } } as const;
    expect(stepsOf(plan(rocky, repository))).toBe('installFromRepository dnf, token new, enable, answer');
    expect(stepsOf(planInstall(fresh, { ...wish, ...repository }, true))).toBe('token new, enable, answer');
  });
});

describe('the token', () => {
  const tokenOut = { expiresAt: '2030-01-01T00:00:00.000Z', bound: false };
  const known = (identity: typeof ours | undefined, joinToken?: { node: string; expiresAt: string }) =>
    ({ status: { kind: 'known', identity, joinToken } }) as const;

  it('that is out is placed, rather than a new one', () => {
    expect(stepsOf(plan({}, { tokenOut }))).toContain('token out');
  });

  it('that is there already is not placed again', () => {
    const there = known(undefined, { node: 'n0', expiresAt: tokenOut.expiresAt });
    expect(stepsOf(plan(there, { tokenOut }))).not.toContain('token');
    const older = known(undefined, { node: 'n0', expiresAt: '2029-01-01T00:00:00.000Z' });
    expect(stepsOf(plan(older, { tokenOut }))).toContain('token out');
  });

  it('is not needed where the enrolment was cut short after the agent had its certificate', () => {
    expect(
      stepsOf(plan(known(ours), { tokenOut: { ...tokenOut, bound: true }, enrolled: true })),
    ).not.toContain('token');
  });

  it('is made anew for a host that this coordinator does not know', () => {
    expect(stepsOf(plan(known(ours), { enrolled: false }))).toContain('token new');
  });

  it('of a host that lost its identity is the operator’s to make, once the cluster counts on it', () => {
    const lost = { enrolled: true, bootstrapped: true };
    const made = plan(known(undefined), lost);
    expect(made).toMatchObject({
      kind: 'refuse',
      next: expect.stringContaining('coordinator token n0 --replace'),
    });
    expect(stepsOf(plan(known(undefined), { ...lost, tokenOut }))).toContain('token out');
  });
});

it.each<[string, Partial<HostProbe>, RegExp, RegExp]>([
  ['another processor', { machine: 'riscv64' }, /is a riscv64.*for x86_64/, /--package/],
  ['no systemd', { systemd: undefined }, /PID 1/, /etcd-agent run/],
  ['an old systemd', { systemd: 219 }, /systemd 219; 239/, /upgrade/],
  ['an old glibc', { glibc: '2.17' }, /glibc 2\.17.*2\.28/, /upgrade/],
  ['another C library', { glibc: undefined }, /no glibc/, /upgrade/],
  ['no package manager', { programs: ['rpm'] }, /neither apt-get nor dnf nor yum/, /by hand/],
  [
    'no package of its kind',
    { ...rocky, programs: ['dpkg', 'apt-get'], os: rocky.os, machine: 'aarch64' },
    /aarch64/,
    /--package/,
  ],
  [
    'no sudo',
    { root: { kind: 'none', user: 'ann', said: '' } },
    /ann is not root there.*no sudo/,
    /--user root, .*the same command with --manual/,
  ],
  [
    'a sudo that wants a password',
    { root: { kind: 'none', user: 'ann', said: 'sudo: a password is required' } },
    /password of ann/,
    /NOPASSWD/,
  ],
  [
    'a sudo that wants a terminal',
    { root: { kind: 'none', user: 'ann', said: 'sudo: sorry, you must have a tty to run sudo' } },
    /terminal/,
    /!requiretty/,
  ],
  [
    'an agent that cannot say what it is',
    { status: { kind: 'failed', said: 'listne' }, installed: { deb: '0.1.0-1', rpm: undefined } },
    /listne/,
    /agent\.yaml/,
  ],
  [
    'an agent of another cluster',
    { status: { kind: 'known', identity: { cluster: 'other', node: 'n0' }, joinToken: undefined } },
    /n0 of cluster other/,
    /right host/,
  ],
  [
    'another node',
    { status: { kind: 'known', identity: { cluster: 'c', node: 'n1' }, joinToken: undefined } },
    /n1 of cluster c/,
    /right host/,
  ],
])('refuses a host with %s, and says what to do', (_, probe, what, next) => {
  expect(plan(probe)).toMatchObject({
    kind: 'refuse',
    what: expect.stringMatching(what),
    next: expect.stringMatching(next),
  });
});

it('installs anew where a power cut has left the program without its package', () => {
  expect(
    plan({
      status: { kind: 'failed', said: 'node: not found' },
      installed: { deb: undefined, rpm: undefined },
    }),
  ).toMatchObject({
    kind: 'steps',
    steps: expect.arrayContaining([expect.objectContaining({ kind: 'install' })]),
  });
});
