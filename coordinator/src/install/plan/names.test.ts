/** Names and versions of packages, read as package managers read them. */
import { expect, it } from 'vitest';
import { readPackageName } from './package-name.js';
import { compareVersions } from './versions.js';

it.each([
  ['etcd-agent_0.1.0_amd64.deb', { kind: 'deb', version: '0.1.0', machine: 'x86_64' }],
  ['etcd-agent_0.1.0~rc1-1_arm64.deb', { kind: 'deb', version: '0.1.0~rc1-1', machine: 'aarch64' }],
  ['etcd-agent_0.1.0_all.deb', { kind: 'deb', version: '0.1.0', machine: undefined }],
  ['etcd-agent-0.1.0-1.x86_64.rpm', { kind: 'rpm', version: '0.1.0-1', machine: 'x86_64' }],
  ['etcd-agent-0.1.0-1.el8.noarch.rpm', { kind: 'rpm', version: '0.1.0-1.el8', machine: undefined }],
])('%s', (name, expected) => {
  expect(readPackageName(name)).toEqual(expected);
});

it.each([
  'etcd-coordinator_0.1.0_amd64.deb',
  'agent.deb',
  'etcd-agent_$(id)_amd64.deb',
  "etcd-agent_0.1.0'_amd64.deb",
  'etcd-agent-0.1.0.rpm',
])('%s is no package of the agent', (name) => {
  expect(readPackageName(name)).toBeUndefined();
});

it('versions are ordered by their numbers, and what is before a release is older', () => {
  const ordered = [
    '0.1.0~rc1',
    '0.1.0~rc2',
    '0.1.0',
    '0.1.0-1',
    '0.1.0-1.el8',
    '0.1.0-2',
    '0.1.1',
    '0.2.0',
    '0.10.0',
    '1.0',
  ];
  for (const [at, version] of ordered.entries()) {
    expect(compareVersions(version, version)).toBe(0);
    for (const later of ordered.slice(at + 1)) {
      expect(compareVersions(version, later), `${version} < ${later}`).toBeLessThan(0);
      expect(compareVersions(later, version), `${later} > ${version}`).toBeGreaterThan(0);
    }
  }
});
