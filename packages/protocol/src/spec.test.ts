import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainPath } from './plain-path.js';
import { etcdSettingsSchema, type MemberSpec, memberSpecSchema } from './spec.js';
import { sampleSpec } from './testing/samples.js';

const accepts = (spec: unknown) => memberSpecSchema.safeParse(spec).success;
const withEtcd = (change: Partial<Record<keyof MemberSpec['etcd'], unknown>>) => ({
  ...sampleSpec,
  etcd: { ...sampleSpec.etcd, ...change },
});

describe('a member spec', () => {
  it('is accepted as it is, and reads back from JSON', () => {
    expect(memberSpecSchema.parse(JSON.parse(JSON.stringify(sampleSpec)))).toEqual(sampleSpec);
  });

  it('of every etcd version that distributions ship is accepted', () => {
    for (const version of [
      '3.3.25',
      '3.4.23',
      '3.5.16',
      '3.6.0-rc.4',
      '3.4.23+dfsg',
      '3.5.16+dfsg-1~deb12u1',
    ]) {
      expect(accepts(withEtcd({ version })), version).toBe(true);
    }
  });

  it('is refused with an unknown key, at any depth', () => {
    expect(accepts({ ...sampleSpec, exec: 'rm' })).toBe(false);
    expect(accepts(withEtcd({ forceNewCluster: true } as never))).toBe(false);
    expect(accepts({ ...sampleSpec, cluster: { ...sampleSpec.cluster, x: 1 } })).toBe(false);
  });

  it.each([
    ['generation 0', { ...sampleSpec, generation: 0 }],
    ['half a generation', { ...sampleSpec, generation: 1.5 }],
    ['no members', { ...sampleSpec, initialCluster: [] }],
    ['ten members', { ...sampleSpec, initialCluster: Array(10).fill(sampleSpec.initialCluster[0]) }],
    ['a node with a path for a name', { ...sampleSpec, node: '../etcd0' }],
    ['a member id in capitals', { ...sampleSpec, memberId: '8E9E05C52164694D' }],
    ['a decimal member id', { ...sampleSpec, memberId: '10276657743932975437' }],
    [
      'a token with a line break',
      { ...sampleSpec, cluster: { ...sampleSpec.cluster, token: 'etcd-cluster\nX=1' } },
    ],
    ['no agents', { ...sampleSpec, agents: [] }],
    ['an agent without address', { ...sampleSpec, agents: [{ ...sampleSpec.agents[0], address: '' }] }],
    ['a version with a second line', withEtcd({ version: '3.4.23\nETCD_FORCE_NEW_CLUSTER=true' })],
    ['a version that is a word', withEtcd({ version: 'latest' })],
    ['a heartbeat of nothing', withEtcd({ heartbeatInterval: 0 })],
    [
      'a retention with a second variable',
      withEtcd({ autoCompactionRetention: '1\nETCD_FORCE_NEW_CLUSTER=true' }),
    ],
    ['no client URL', withEtcd({ listenClientURLs: [] })],
  ])('is refused with %s', (_what, spec) => {
    expect(accepts(spec)).toBe(false);
  });

  it.each([
    'http://192.168.124.22:2380',
    'https://192.168.124.22',
    'https://192.168.124.22:0',
    'https://192.168.124.22:65536',
    'https://192.168.124.22:2380/',
    'https://user@192.168.124.22:2380',
    'https://192.168.124.22:2380,https://10.0.0.1:2380',
    'https://a b:2380',
    'https://$(id):2380',
    'https://192.168.124.22:2380\n',
    'unix:///tmp/x',
  ])('is refused with the URL %j', (url) => {
    expect(etcdSettingsSchema.safeParse({ ...sampleSpec.etcd, listenPeerURLs: [url] }).success).toBe(false);
  });

  it.each(['https://192.168.124.22:2380', 'https://[fd00::1]:2380', 'https://etcd0.51know.info:65535'])(
    'is accepted with the URL %j',
    (url) => {
      expect(etcdSettingsSchema.safeParse({ ...sampleSpec.etcd, listenPeerURLs: [url] }).success).toBe(true);
    },
  );
});

describe('a path', () => {
  it.each([
    '',
    '/',
    'var/lib/etcd',
    './etcd',
    '~/etcd',
    '/var/lib/etcd/',
    '/var//lib',
    '/var/../etc',
    '/..',
    '/var/..',
    '/.',
    '/var/./lib',
    '/var/lib/.',
    '/var/lib/"etcd"',
    "/var/lib/'etcd'",
    '/var/lib/et cd',
    '/var/lib/etcd\n',
    '/var/lib/$HOME',
    '/var/lib/%i',
    '/var/lib/`id`',
    '/var/lib/a;b',
    '/var/lib/a\\b',
    '/var/lib/é',
    '/var/lib/a\0',
    `/${'a'.repeat(512)}`,
  ])('%j is refused', (path) => {
    expect(plainPath.safeParse(path).success).toBe(false);
  });

  it.each(['/var/lib/etcd/default.etcd', '/srv/.etcd', '/srv/..etcd', '/a', '/data-1/etcd@2/x+y_z'])(
    '%j is accepted',
    (path) => {
      expect(plainPath.safeParse(path).success).toBe(true);
    },
  );

  it('that is accepted means one place and needs no quoting', () => {
    const parts = fc.array(fc.oneof(fc.constantFrom('.', '..', '', 'a', '.a', '..a'), fc.string()), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(parts, (names) => {
        const path = `/${names.join('/')}`;
        if (!plainPath.safeParse(path).success) return;
        expect(new URL(`file://${path}`).pathname).toBe(path);
        expect(path).not.toMatch(/["'`$\s%\\;&|<>*?()]/);
      }),
      { numRuns: 2_000 },
    );
  });
});
