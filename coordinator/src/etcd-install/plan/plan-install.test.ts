import type { EtcdInstallation } from '@etcd-agent/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideInstall, describeDecision, isToInstall, type Source } from './plan-install.js';

const sha256 = 'ab'.repeat(32);
const fromPackage: Source = { from: 'package' };
const fromFile: Source = { from: 'file', file: './etcd.tar.gz', sha256 };
const directory = '/usr/local/lib/etcd-agent/etcd';

/** A bare Debian, with `change` laid over it. */
function bare(change: Partial<EtcdInstallation> = {}): EtcdInstallation {
  return {
    etcd: { kind: 'missing', path: '/usr/bin/etcd' },
    installed: null,
    directory,
    architecture: 'x64',
    package: { kind: 'available', manager: 'apt', packages: ['etcd-server'] },
    held: null,
    unfinished: false,
    ...change,
  };
}
const found = { kind: 'found', path: '/usr/bin/etcd', version: '3.4.23' } as const;

describe('a bare host', () => {
  it('gets what the topology names', () => {
    expect(decideInstall('n', fromPackage, bare())).toMatchObject({ kind: 'package', manager: 'apt' });
    expect(decideInstall('n', fromFile, bare())).toMatchObject({ kind: 'send', directory });
  });

  it('without a package manager that can be used is told to take a file', () => {
    const look = bare({ package: { kind: 'unavailable', why: 'systemd does not run here' } });
    expect(decideInstall('n', fromPackage, look)).toMatchObject({
      kind: 'refused',
      next: expect.stringContaining('from: file'),
    });
    expect(decideInstall('n', fromFile, look)).toMatchObject({ kind: 'send' });
  });
});

describe('a host with an etcd', () => {
  it('keeps it where packages are wanted, whatever its version', () => {
    expect(decideInstall('n', fromPackage, bare({ etcd: found }))).toMatchObject({ kind: 'present' });
  });

  it('gets the file all the same, and is told instead of what', () => {
    const decision = decideInstall('n', fromFile, bare({ etcd: found }));
    expect(decision).toMatchObject({ kind: 'send', instead: '/usr/bin/etcd 3.4.23' });
    expect(describeDecision(decision)).toContain('instead of /usr/bin/etcd 3.4.23');
  });

  it('from this very file needs nothing', () => {
    const look = bare({ etcd: found, installed: { version: '3.5.30', sha256 } });
    expect(decideInstall('n', fromFile, look)).toMatchObject({ kind: 'present' });
  });

  it('from another file gets this one', () => {
    const look = bare({ etcd: found, installed: { version: '3.5.29', sha256: 'cd'.repeat(32) } });
    expect(decideInstall('n', fromFile, look)).toMatchObject({ kind: 'send' });
  });

  it('that was only half installed by a package manager is finished', () => {
    expect(decideInstall('n', fromPackage, bare({ etcd: found, unfinished: true }))).toMatchObject({
      kind: 'package',
    });
  });

  it('that is broken is not replaced by a package', () => {
    const etcd = { kind: 'broken', path: '/usr/bin/etcd', why: 'it does not run' } as const;
    expect(decideInstall('n', fromPackage, bare({ etcd }))).toMatchObject({
      kind: 'refused',
      why: 'it does not run',
    });
  });

  it('that agent.yaml names is the one that runs: another would be of no use', () => {
    expect(decideInstall('n', fromFile, bare({ etcd: found, directory: null }))).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('agent.yaml'),
    });
  });
});

it('nothing is ever installed where a member runs or has its data', () => {
  const anyLook = fc.record({
    etcd: fc.constantFrom(found, bare().etcd, { kind: 'broken', path: '/x', why: 'y' } as const),
    installed: fc.constantFrom(
      null,
      { version: '3.5.30', sha256 },
      { version: '3', sha256: 'cd'.repeat(32) },
    ),
    directory: fc.constantFrom(directory, null),
    package: fc.constantFrom(bare().package, { kind: 'unavailable', why: 'x' } as const),
    unfinished: fc.boolean(),
  });
  fc.assert(
    fc.property(anyLook, fc.constantFrom(fromPackage, fromFile), (look, source) => {
      expect(isToInstall(decideInstall('n', source, bare({ ...look, held: 'an etcd runs' })))).toBe(false);
    }),
  );
});
