import crypto from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAuthority } from './authority.js';
import { issue } from './issue.js';
import { generateKey, type KeyRequest } from './key.js';
import { parseCertificate, readCertificate } from './read-certificate.js';
import { names, now, p256, rsa2048, sampleAuthority, sampleLeaf } from './testdata/samples.js';

describe('a leaf certificate', () => {
  const kinds: KeyRequest[] = [rsa2048, p256];
  test.each(kinds.flatMap((ca) => kinds.map((leaf) => ({ ca, leaf }))))(
    'of a $leaf.algo key under a $ca.algo CA is signed by it and says what was asked',
    async ({ ca, leaf }) => {
      const authority = await sampleAuthority({ key: ca });
      const { certificate, key } = await sampleLeaf(authority, {
        key: leaf,
        hosts: ['etcd0.51know.info', '192.168.124.22', '::1'],
        uris: ['etcd-agent://etcd-cluster/agent/etcd0'],
      });
      const x509 = new crypto.X509Certificate(certificate);
      const issuer = new crypto.X509Certificate(authority.certificate);
      expect(x509.checkIssued(issuer) && x509.verify(issuer.publicKey)).toBe(true);
      expect(x509.checkPrivateKey(crypto.createPrivateKey(key))).toBe(true);
      expect(x509.checkHost('etcd0.51know.info')).toBe('etcd0.51know.info');
      expect(x509.checkIP('192.168.124.22')).toBe('192.168.124.22');
      expect(x509.checkIP('192.168.124.23')).toBeUndefined();
      expect(readCertificate(certificate)).toMatchObject({
        subject: { CN: 'etcd', names },
        issuerCN: 'etcd-root-ca',
        dns: ['etcd0.51know.info'],
        ips: ['192.168.124.22', '::1'],
        uris: ['etcd-agent://etcd-cluster/agent/etcd0'],
        usages: ['signing', 'key encipherment', 'server auth', 'client auth'],
        key: leaf,
        isCA: false,
        notBefore: new Date('2026-03-01T11:55:00Z'),
        notAfter: new Date('2027-03-01T11:55:00Z'),
      });
    },
  );

  test('has nothing from the request but its key', async () => {
    const { certificate } = await sampleLeaf(await sampleAuthority());
    expect(readCertificate(certificate)).toMatchObject({ subject: { CN: 'etcd' }, dns: ['localhost'] });
    expect(new crypto.X509Certificate(certificate).checkHost('evil.example')).toBeUndefined();
  });

  test('asked for longer than its CA lives ends with its CA', async () => {
    const authority = await sampleAuthority({ expiry: '100h' });
    const { certificate } = await sampleLeaf(authority, { expiry: '87600h' });
    expect(readCertificate(certificate).notAfter).toEqual(readCertificate(authority.certificate).notAfter);
  });

  test.each([
    ['in the last second of 2049', '2049-12-31T23:59:59Z', 0x17],
    ['in the first second of 2050', '2050-01-01T00:00:00Z', 0x18],
    ['in a hundred years', '2126-02-05T11:55:00Z', 0x18],
  ])('that ends %s has its date in the form that RFC 5280 wants', async (_when, end, tag) => {
    const seconds = (Date.parse(end) - Date.parse('2026-03-01T11:55:00Z')) / 1_000;
    const { certificate } = await sampleLeaf(await sampleAuthority({ expiry: '900000h' }), {
      expiry: `${seconds}s`,
    });
    expect(readCertificate(certificate).notAfter).toEqual(new Date(end));
    const digits = end.replaceAll(/[-:T]/g, '').slice(tag === 0x17 ? 2 : 0);
    const time = Buffer.concat([Buffer.from([tag, digits.length]), Buffer.from(digits)]);
    expect(parseCertificate(certificate).x509.raw.includes(time)).toBe(true);
  });

  test('has a random positive serial number of 20 bytes', async () => {
    const authority = await sampleAuthority();
    const publicKey = publicKeyOf(await generateKey(p256));
    const serials = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const certificate = await issue({ ...leafInput, authority, publicKey });
      const { serial } = readCertificate(certificate);
      expect(serial).toMatch(/^[0-7][0-9a-f]{39}$/);
      serials.add(serial);
    }
    expect(serials.size).toBe(40);
  });

  test('is not issued by a CA that has expired, is not valid yet, or is no CA', async () => {
    const authority = await sampleAuthority({ expiry: '100h' });
    const later = new Date('2026-04-01T00:00:00Z');
    await expect(sampleLeaf(authority, { now: later })).rejects.toMatchObject({ code: 'authorityUnusable' });
    const earlier = new Date('2026-02-28T00:00:00Z');
    await expect(sampleLeaf(authority, { now: earlier })).rejects.toMatchObject({
      code: 'authorityUnusable',
    });
    const leaf = await sampleLeaf(authority);
    await expect(sampleLeaf(leaf)).rejects.toThrow('is not a CA certificate');
  });

  test('is not issued when the CA key is that of another CA', async () => {
    const [one, other] = await Promise.all([sampleAuthority(), sampleAuthority()]);
    const mixed = { certificate: one.certificate, key: other.key };
    await expect(sampleLeaf(mixed)).rejects.toMatchObject({ code: 'keyMismatch' });
  });

  test('is not issued from damaged CA files', async () => {
    const authority = await sampleAuthority();
    const cut = { ...authority, certificate: authority.certificate.slice(0, 300) };
    await expect(sampleLeaf(cut)).rejects.toThrow('the CA certificate is cut short');
    const swapped = { certificate: authority.key, key: authority.certificate };
    await expect(sampleLeaf(swapped)).rejects.toThrow('the CA certificate is a PEM block "EC PRIVATE KEY"');
    await expect(sampleLeaf({ ...authority, key: 'nothing' })).rejects.toMatchObject({ code: 'badKey' });
  });

  test('is refused for bad hosts, subject, usages, expiry and keys, each by its own code', async () => {
    const authority = await sampleAuthority();
    const refused = async (change: Parameters<typeof sampleLeaf>[1], code: string) =>
      expect(sampleLeaf(authority, change)).rejects.toMatchObject({ name: 'PkiError', code });
    await refused({ hosts: ['999.1.1.1'] }, 'badHost');
    await refused({ uris: ['no uri'] }, 'badUri');
    await refused({ subject: { CN: '北京', names: [] } }, 'badSubject');
    await refused({ subject: { CN: 'etcd-root-ca', names } }, 'badSubject');
    await refused({ usages: [] }, 'badUsage');
    await refused({ usages: ['signing', 'nonsense' as 'signing'] }, 'badUsage');
    await refused({ usages: ['signing', 'cert sign'] }, 'badUsage');
    await refused({ expiry: '10y' }, 'badExpiry');
    const ed25519 = crypto
      .generateKeyPairSync('ed25519')
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString();
    await expect(issue({ ...leafInput, authority, publicKey: ed25519 })).rejects.toThrow('ED25519');
    await expect(issue({ ...leafInput, authority, publicKey: authority.key })).rejects.toThrow(
      'EC PRIVATE KEY',
    );
  });

  test('comes back through node:crypto with exactly the names and subject asked for, whatever they are', async () => {
    const authority = await sampleAuthority();
    const publicKey = publicKeyOf(await generateKey(p256));
    const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9-]{0,10}[a-z0-9])?$/);
    const dns = fc.array(label, { maxLength: 3 }).map((labels) => [...labels, 'example'].join('.'));
    const uri = fc.stringMatching(/^[a-z0-9,:=%'"-]{1,20}$/).map((path) => `etcd-agent://c/agent/${path}`);
    const text = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    const inputs = fc.record({
      hosts: fc.array(fc.oneof(dns, fc.ipV4(), fc.ipV6()), { maxLength: 8 }),
      uris: fc.array(uri, { maxLength: 2 }),
      subject: fc.record({
        CN: text,
        names: fc.array(fc.record({ O: text, OU: text, L: text, ST: text }, { requiredKeys: [] }), {
          maxLength: 1,
        }),
      }),
    });
    await fc.assert(
      fc.asyncProperty(inputs, async ({ hosts, uris, subject }) => {
        const certificate = await issue({ ...leafInput, authority, publicKey, hosts, uris, subject });
        const x509 = new crypto.X509Certificate(certificate);
        const read = readCertificate(certificate);
        expect(read.subject.CN).toBe(subject.CN);
        expect({ ...subject.names[0] }).toEqual({ ...read.subject.names[0] });
        expect(read.uris).toEqual([...new Set(uris)]);
        for (const host of hosts) {
          const found =
            host.includes(':') || /^[\d.]+$/.test(host) ? x509.checkIP(host) : x509.checkHost(host);
          expect(found, host).toBeDefined();
        }
        const count = new Set([...read.dns, ...read.ips]).size;
        expect(read.dns.length + read.ips.length).toBe(count);
      }),
      { numRuns: 80 },
    );
  });
});

describe('a CA', () => {
  test('can sign certificates and nothing else, and may limit the CAs below it', async () => {
    const authority = await createAuthority({
      subject: { CN: 'ca', names: [] },
      key: p256,
      expiry: '1h',
      now,
      pathLength: 0,
    });
    expect(readCertificate(authority.certificate)).toMatchObject({
      isCA: true,
      pathLength: 0,
      usages: ['cert sign', 'crl sign'],
      dns: [],
      ips: [],
    });
  });

  test('is refused for a bad subject, key or path length', async () => {
    const base = { subject: { CN: 'ca', names: [] }, key: p256, expiry: '1h', now };
    await expect(createAuthority({ ...base, subject: { CN: 'é', names: [] } })).rejects.toThrow('U+00E9');
    await expect(createAuthority({ ...base, key: { algo: 'rsa', size: 1024 as 2048 } })).rejects.toThrow(
      'rsa 1024',
    );
    await expect(createAuthority({ ...base, pathLength: -1 })).rejects.toThrow('pathLength');
  });
});

const leafInput = {
  subject: { CN: 'etcd', names: [] },
  hosts: ['localhost'],
  uris: [],
  usages: ['signing', 'server auth'],
  expiry: '1h',
  now,
} as const;

function publicKeyOf(key: string): string {
  return crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}
