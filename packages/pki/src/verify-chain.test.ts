import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Authority } from './authority.js';
import { encodePem } from './pem.js';
import { certificateSha256, keyMatches, readCertificate } from './read-certificate.js';
import { names, now, sampleAuthority, sampleLeaf } from './testdata/samples.js';
import { verifyChain } from './verify-chain.js';

const verdict = (
  leaf: string,
  authority: Authority,
  more: { at?: string; usage?: 'server auth' | 'client auth' } = {},
) =>
  verifyChain({
    leaf,
    authority: authority.certificate,
    now: more.at === undefined ? now : new Date(more.at),
    usage: more.usage ?? 'server auth',
  });

describe('verifyChain', () => {
  test('accepts a leaf of this CA, in date and for this usage, and says what it is', async () => {
    const authority = await sampleAuthority();
    const { certificate } = await sampleLeaf(authority);
    expect(verdict(certificate, authority)).toMatchObject({
      ok: true,
      certificate: { subject: { CN: 'etcd' } },
    });
    expect(verdict(certificate, authority, { usage: 'client auth' }).ok).toBe(true);
  });

  test('knows to the second when a certificate begins and ends', async () => {
    const authority = await sampleAuthority();
    const { certificate } = await sampleLeaf(authority, { expiry: '1h' });
    const at = (time: string) => {
      const result = verdict(certificate, authority, { at: time });
      return result.ok ? 'ok' : result.kind;
    };
    expect(at('2026-03-01T11:54:59.999Z')).toBe('notYetValid');
    expect(at('2026-03-01T11:55:00.000Z')).toBe('ok');
    expect(at('2026-03-01T12:55:00.999Z')).toBe('ok');
    expect(at('2026-03-01T12:55:01.000Z')).toBe('expired');
    expect(verdict(certificate, authority, { at: '2027-01-01T00:00:00Z' })).toMatchObject({
      message: expect.stringMatching(/^the certificate expired at 2026-03-01T12:55.*clock says 2027-01-01/),
    });
  });

  test('says so when it is the CA that has expired', async () => {
    const authority = await sampleAuthority({ expiry: '10h' });
    const { certificate } = await sampleLeaf(authority);
    expect(verdict(certificate, authority, { at: '2026-03-02T12:00:00Z' })).toMatchObject({
      kind: 'expired',
      message: expect.stringMatching(/^the CA certificate expired/),
    });
  });

  test('refuses a leaf of another CA, even of one with the same name', async () => {
    const [mine, sameName, other] = await Promise.all([
      sampleAuthority(),
      sampleAuthority(),
      sampleAuthority({ CN: 'other-ca' }),
    ]);
    const forged = await sampleLeaf(sameName);
    const foreign = await sampleLeaf(other);
    expect(verdict(forged.certificate, mine)).toMatchObject({
      kind: 'foreign',
      message: expect.stringContaining('another key'),
    });
    expect(verdict(foreign.certificate, mine)).toMatchObject({
      kind: 'foreign',
      message: expect.stringContaining('"other-ca"'),
    });
  });

  test('refuses a leaf, or a CA, whose signature was touched', async () => {
    const authority = await sampleAuthority();
    const { certificate } = await sampleLeaf(authority);
    const touched = { ...authority, certificate: touchSignature(authority.certificate) };
    expect(verdict(touchSignature(certificate), authority)).toMatchObject({ ok: false, kind: 'foreign' });
    expect(verdict(certificate, touched)).toMatchObject({
      kind: 'foreign',
      message: expect.stringContaining('not a root'),
    });
  });

  test('refuses a leaf as authority, and a CA as leaf', async () => {
    const authority = await sampleAuthority();
    const leaf = await sampleLeaf(authority);
    expect(verdict(leaf.certificate, { certificate: leaf.certificate, key: '' })).toMatchObject({
      kind: 'foreign',
    });
    expect(verdict(authority.certificate, authority)).toMatchObject({ kind: 'usage' });
  });

  test('refuses a certificate that is not for the usage asked', async () => {
    const authority = await sampleAuthority();
    const client = await sampleLeaf(authority, { usages: ['signing', 'client auth'] });
    expect(verdict(client.certificate, authority)).toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('"server auth"'),
    });
    expect(verdict(client.certificate, authority, { usage: 'client auth' }).ok).toBe(true);
    const noSigning = await sampleLeaf(authority, { usages: ['key encipherment', 'server auth'] });
    expect(verdict(noSigning.certificate, authority)).toMatchObject({ kind: 'usage' });
  });

  test('answers "malformed" to whatever is not two certificates', async () => {
    const authority = await sampleAuthority();
    const { certificate, key } = await sampleLeaf(authority);
    for (const bad of [
      '',
      'x',
      key,
      certificate.slice(0, 200),
      certificate.replace(/M/g, 'N'),
      certificate + certificate,
    ]) {
      expect(verdict(bad, authority)).toMatchObject({ ok: false, kind: 'malformed' });
      expect(verdict(certificate, { certificate: bad, key: '' })).toMatchObject({
        ok: false,
        kind: 'malformed',
      });
    }
  });

  test('refuses a certificate with a critical extension that nobody understands', () => {
    const dir = mkdtempSync(join(tmpdir(), 'pki-'));
    try {
      const args =
        'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -days 3650 -subj /CN=x';
      execFileSync('openssl', [...args.split(' '), '-addext', '1.2.3.4=critical,DER:0500'], {
        cwd: dir,
        stdio: 'pipe',
      });
      const certificate = readFileSync(join(dir, 'c.pem'), 'utf8');
      expect(verdict(certificate, { certificate, key: '' })).toMatchObject({
        kind: 'malformed',
        message: expect.stringContaining('1.2.3.4'),
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('reading a certificate', () => {
  test('tells whether a key belongs to it', async () => {
    const authority = await sampleAuthority();
    const [one, other] = await Promise.all([sampleLeaf(authority), sampleLeaf(authority)]);
    expect(keyMatches(one.certificate, one.key)).toBe(true);
    expect(keyMatches(one.certificate, other.key)).toBe(false);
    expect(() => keyMatches(one.certificate, 'x')).toThrow('private key cannot be read');
  });

  test('gives the fingerprint of the certificate and not of its PEM text', async () => {
    const { certificate } = await sampleLeaf(await sampleAuthority());
    expect(certificateSha256(`# a comment\n${certificate}\n`)).toBe(certificateSha256(certificate));
    expect(certificateSha256(certificate)).toMatch(/^[0-9a-f]{64}$/);
    expect(readCertificate(certificate).fingerprint256).toBe(certificateSha256(certificate));
  });

  test.each(['\0', '\n', '\xff'])('refuses one with a name that has the byte %j in it', async (byte) => {
    const { certificate } = await sampleLeaf(await sampleAuthority(), { hosts: ['good-example.evil'] });
    const der = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    der.write(byte, der.indexOf('-example.evil'), 'latin1');
    expect(() => readCertificate(encodePem('CERTIFICATE', der))).toThrow('not printable ASCII');
  });

  test('keeps several values of one kind apart', async () => {
    const subject = { CN: 'x', names: [{ ...names[0], O: 'one, two' }, { O: 'three+four' }] };
    const { certificate } = await sampleLeaf(await sampleAuthority(), { subject });
    const organizations = readCertificate(certificate).subject.names.map((name) => name.O);
    expect(organizations.sort()).toEqual(['one, two', 'three+four']);
  });
});

function touchSignature(pem: string): string {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  der[der.length - 1]! ^= 1;
  return encodePem('CERTIFICATE', der);
}
