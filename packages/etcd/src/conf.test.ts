import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEtcdConf } from './conf-parse.js';
import { renderEtcdConf } from './conf-render.js';
import type { EtcdConfSettings } from './conf-settings.js';
import { checkSettings, EtcdConfError } from './conf-settings.js';
import { parseEnvFile, replaceValues } from './env-file.js';
import { differences } from './runbook-differences.js';
import { parseEtcdVersion } from './versions.js';

const runbook = readFileSync(new URL('./testdata/runbook-etcd0.conf', import.meta.url), 'utf8');
const version = (text: string) => parseEtcdVersion(text)!;
const versions = ['3.3.25', '3.4.23', '3.5.16', '3.6.4', '3.7.1'];

/** The runbook's first member, as this product would set it up. */
const etcd0: EtcdConfSettings = {
  name: 'etcd0',
  dataDir: '/var/lib/etcd/default.etcd',
  listenPeerURLs: ['https://192.168.124.22:2380'],
  listenClientURLs: ['https://192.168.124.22:2379'],
  initialAdvertisePeerURLs: ['https://192.168.124.22:2380'],
  advertiseClientURLs: ['https://192.168.124.22:2379'],
  initialCluster: [22, 23, 24].map((host, at) => ({
    name: `etcd${at}`,
    peerURLs: [`https://192.168.124.${host}:2380`],
  })),
  initialClusterToken: '5f1c8a0e9b7d4c32',
  initialClusterState: 'new',
  heartbeatInterval: 500,
  electionTimeout: 2500,
  client: {
    certFile: '/etc/etcd/etcd.pem',
    keyFile: '/etc/etcd/etcd-key.pem',
    trustedCaFile: '/etc/etcd/etcd-root-ca.pem',
  },
  peer: {
    certFile: '/etc/etcd/peer.pem',
    keyFile: '/etc/etcd/peer-key.pem',
    trustedCaFile: '/etc/etcd/peer-ca.pem',
  },
};

describe("our etcd.conf beside the runbook's", () => {
  it.each(versions)(
    'differs for etcd %s only where a reason is given, and each reason still holds',
    (text) => {
      const theirs = parseEnvFile(runbook).values;
      const ours = parseEnvFile(renderEtcdConf(etcd0, version(text))).values;
      const found: Record<string, string> = {};
      for (const name of new Set([...theirs.keys(), ...ours.keys()])) {
        if (theirs.get(name) === ours.get(name)) continue;
        found[name] = !ours.has(name) ? 'onlyRunbook' : !theirs.has(name) ? 'onlyOurs' : 'otherValue';
      }
      const reasons = differences(text.slice(0, 3));
      expect(found).toEqual(
        Object.fromEntries(Object.entries(reasons).map(([name, { how }]) => [name, how])),
      );
      for (const [name, { why }] of Object.entries(reasons)) expect(why.length, name).toBeGreaterThan(20);
    },
  );

  it('keeps its sections and the order of its variables', () => {
    const outline = (text: string) => text.match(/^#\[\w+\]|^ETCD_\w+/gm)!;
    const shared = outline(runbook).filter((each) => !each.endsWith('AUTO_TLS'));
    expect(outline(renderEtcdConf(etcd0, version('3.3.25')))).toEqual(shared);
  });

  it("reads the runbook's own file, and finds what we would not write", () => {
    const parsed = parseEtcdConf(runbook);
    if (parsed.kind !== 'ok') throw new Error(parsed.problems.join());
    expect(parsed.settings.heartbeatInterval).toBe(500);
    expect(parsed.settings.initialCluster).toEqual(etcd0.initialCluster);
    expect([...parsed.others]).toEqual([
      ['ETCD_AUTO_TLS', 'true'],
      ['ETCD_PEER_AUTO_TLS', 'true'],
    ]);
    expect(checkSettings(parsed.settings)).toEqual([expect.stringContaining('http://localhost:2379')]);
  });
});

describe('etcd.conf', () => {
  it.each(versions)(
    'for etcd %s has no plaintext port, no v2 API, no auto-TLS, and asks for client certificates',
    (text) => {
      const conf = renderEtcdConf(etcd0, version(text));
      expect(conf).not.toMatch(/http:|ENABLE_V2|AUTO_TLS|STRICT_RECONFIG/);
      expect(conf).toMatch(/^ETCD_CLIENT_CERT_AUTH="true"$/m);
      expect(conf).toMatch(/^ETCD_PEER_CLIENT_CERT_AUTH="true"$/m);
    },
  );

  it.each([
    ['3.3.25', undefined],
    ['3.4.23', 'ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK="true"'],
    ['3.5.2', undefined],
    ['3.5.3', 'ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK="true"'],
    ['3.6.0', 'ETCD_FEATURE_GATES="InitialCorruptCheck=true,CompactHashCheck=true"'],
    ['3.7.0', 'ETCD_FEATURE_GATES="InitialCorruptCheck=true,CompactHashCheck=true"'],
  ])('for etcd %s switches the data check on as that version wants it', (text, line) => {
    const lines = renderEtcdConf(etcd0, version(text)).split('\n');
    expect(lines.filter((each) => /CORRUPT|FEATURE_GATES/.test(each))).toEqual(
      line === undefined ? [] : [line],
    );
  });

  it.each([
    ['3.3.25', []],
    ['3.4.23', ['ETCD_LOGGER="zap"', 'ETCD_LOG_OUTPUTS="stderr"']],
    ['3.5.16', ['ETCD_LOG_OUTPUTS="stderr"']],
    ['3.7.0', ['ETCD_LOG_OUTPUTS="stderr"']],
  ])('for etcd %s sends structured logs to stderr where it can', (text, expected) => {
    const lines = renderEtcdConf(etcd0, version(text)).split('\n');
    expect(lines.filter((each) => each.startsWith('ETCD_LOG'))).toEqual(expected);
  });

  it('written from any sound settings reads back as the same settings', () => {
    fc.assert(
      fc.property(anySettings(), fc.constantFrom(...versions), (settings, text) => {
        expect(checkSettings(settings)).toEqual([]);
        const parsed = parseEtcdConf(renderEtcdConf(settings, version(text)));
        if (parsed.kind !== 'ok') throw new Error(parsed.problems.join());
        expect(parsed.settings).toEqual(settings);
      }),
    );
  });

  it('is flipped from new to existing with nothing else changed', () => {
    fc.assert(
      fc.property(anySettings(), (settings) => {
        const conf = renderEtcdConf({ ...settings, initialClusterState: 'new' }, version('3.4.23'));
        const flipped = replaceValues(conf, { ETCD_INITIAL_CLUSTER_STATE: 'existing' });
        expect(flipped).toBe(
          renderEtcdConf({ ...settings, initialClusterState: 'existing' }, version('3.4.23')),
        );
      }),
    );
  });

  it.each<[string, Partial<EtcdConfSettings>, RegExp]>([
    [
      'a plaintext client port',
      { listenClientURLs: ['https://10.0.0.1:2379', 'http://localhost:2379'] },
      /plaintext/,
    ],
    ['a name to listen on', { listenPeerURLs: ['https://etcd0.example:2380'] }, /does not listen on names/],
    ['an impossible address', { listenPeerURLs: ['https://999.1.1.1:2380'] }, /no valid address/],
    ['port 0', { listenPeerURLs: ['https://10.0.0.1:0'] }, /no valid port/],
    [
      'an unspecific address to advertise',
      { advertiseClientURLs: ['https://0.0.0.0:2379'] },
      /cannot be reached/,
    ],
    ['a URL with a path', { advertiseClientURLs: ['https://10.0.0.1:2379/'] }, /not https:\/\/host:port/],
    ['nothing to listen on', { listenClientURLs: [] }, /listenClientURLs is empty/],
    ['a relative data directory', { dataDir: 'etcd' }, /not an absolute path/],
    ['a name with a separator', { name: 'a,b' }, /holds a blank/],
    ['an empty token', { initialClusterToken: '' }, /initialClusterToken/],
    ['an election shorter than five heartbeats', { heartbeatInterval: 501 }, /less than 5 heartbeats/],
    ['an election beyond 50 s', { electionTimeout: 50_001 }, /more than 50000 ms/],
    ['a fraction of a byte', { quotaBackendBytes: 1.5 }, /whole number/],
    [
      'a cluster without this member',
      { initialCluster: etcd0.initialCluster.slice(1) },
      /does not name etcd0/,
    ],
    [
      'other peer URLs in the cluster',
      { initialAdvertisePeerURLs: ['https://10.9.9.9:2380'] },
      /other peer URLs/,
    ],
    [
      'a URL that two members share',
      {
        initialCluster: [
          ...etcd0.initialCluster,
          { name: 'etcd3', peerURLs: ['https://192.168.124.23:2380'] },
        ],
      },
      /has https:\/\/192\.168\.124\.23:2380 twice/,
    ],
    ['a retention without its mode', { autoCompactionRetention: '1h' }, /go together/],
    ['a newline in a path', { dataDir: '/var/lib/\netcd' }, /ETCD_DATA_DIR.*U\+000A/],
    ['a quote in a path', { walDir: '/var/lib/"etcd' }, /ETCD_WAL_DIR.*the character "/],
  ])('is not written with %s', (_, change, problem) => {
    expect(() => renderEtcdConf({ ...etcd0, ...change }, version('3.4.23'))).toThrow(problem);
  });

  it('reports everything that is wrong at once', () => {
    const bad = { ...etcd0, name: '', dataDir: 'x', heartbeatInterval: 0, walDir: '/a\\b' };
    try {
      renderEtcdConf(bad, version('3.4.23'));
      expect.unreachable();
    } catch (error) {
      expect((error as EtcdConfError).problems.length).toBeGreaterThanOrEqual(5);
      expect(error).toBeInstanceOf(EtcdConfError);
    }
  });

  it('that is damaged is read as a list of problems, not as other settings', () => {
    const conf = renderEtcdConf(etcd0, version('3.4.23'));
    const damaged = conf
      .replace(/^ETCD_NAME=.*$/m, 'ETCD_NAME')
      .replace('HEARTBEAT_INTERVAL="500"', 'HEARTBEAT_INTERVAL="5x"')
      .replace('"new"', '"newish"')
      .replace('ETCD_CLIENT_CERT_AUTH="true"', 'ETCD_CLIENT_CERT_AUTH="false"');
    const parsed = parseEtcdConf(damaged);
    expect(parsed.kind === 'problems' && parsed.problems.join('\n')).toMatch(
      /line \d+: no "="[\s\S]*ETCD_NAME is missing[\s\S]*newish[\s\S]*5x[\s\S]*CLIENT_CERT_AUTH is not true/,
    );
  });
});

function anySettings(): fc.Arbitrary<EtcdConfSettings> {
  const path = fc
    .array(fc.stringMatching(/^[\p{L}\p{N} ._,=#;:@%+-]{1,8}$/u), { minLength: 1, maxLength: 3 })
    .map((parts) => `/${parts.join('/')}`);
  const tls = fc.record({ certFile: path, keyFile: path, trustedCaFile: path });
  const name = fc.stringMatching(/^[A-Za-z0-9._#;:@-]{1,12}$/);
  const host = fc
    .oneof(fc.ipV4(), fc.constant('[fd00::1]'), fc.constant('localhost'))
    .filter((each) => each !== '0.0.0.0');
  const port = fc.integer({ min: 1, max: 65_535 });
  const url = fc.tuple(host, port).map(([each, at]) => `https://${each}:${at}`);
  const urls = fc.uniqueArray(url, { minLength: 1, maxLength: 3 });
  const count = fc.integer({ min: 1, max: 2 ** 40 });
  const members = fc
    .uniqueArray(name, { minLength: 1, maxLength: 5 })
    .chain((names) =>
      fc
        .uniqueArray(url, { minLength: names.length * 2, maxLength: names.length * 2 })
        .map((all) => names.map((each, at) => ({ name: each, peerURLs: all.slice(2 * at, 2 * at + 2) }))),
    );
  const compaction = fc.constantFrom<Partial<EtcdConfSettings>>(
    {},
    { autoCompactionMode: 'periodic', autoCompactionRetention: '1h' },
    { autoCompactionMode: 'revision', autoCompactionRetention: '1000' },
  );
  const optional = fc.record(
    { walDir: path, quotaBackendBytes: count, snapshotCount: count, maxRequestBytes: count },
    { requiredKeys: [] },
  );
  return fc
    .tuple(
      members,
      fc.record({ dataDir: path, client: tls, peer: tls }),
      urls,
      urls,
      urls,
      name,
      optional,
      compaction,
    )
    .chain(
      ([
        initialCluster,
        files,
        listenPeerURLs,
        listenClientURLs,
        advertiseClientURLs,
        token,
        extra,
        compact,
      ]) =>
        fc
          .record({
            at: fc.nat(initialCluster.length - 1),
            heartbeatInterval: fc.integer({ min: 1, max: 10_000 }),
            initialClusterState: fc.constantFrom('new' as const, 'existing' as const),
          })
          .map(({ at, heartbeatInterval, initialClusterState }) => ({
            ...files,
            ...extra,
            ...compact,
            name: initialCluster[at]!.name,
            listenPeerURLs,
            listenClientURLs,
            advertiseClientURLs,
            initialAdvertisePeerURLs: initialCluster[at]!.peerURLs,
            initialCluster,
            initialClusterToken: token,
            initialClusterState,
            heartbeatInterval,
            electionTimeout: heartbeatInterval * 5,
          })),
    );
}
