import crypto from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { assertIssued, type IssuedExpectation } from './assert-issued.js';
import { parseCertificate } from './read-certificate.js';
import { sampleAuthority, sampleLeaf } from './testdata/samples.js';

describe('a certificate that does not read back as asked never leaves the package', () => {
  let pem: string;
  let asked: IssuedExpectation;

  beforeAll(async () => {
    const authority = await sampleAuthority();
    const leaf = await sampleLeaf(authority, {
      uris: ['etcd-agent://c/agent/n'],
      hosts: ['a.example', '10.0.0.1', 'x@a.example'],
    });
    const { x509, extensions } = parseCertificate(leaf.certificate);
    pem = leaf.certificate;
    asked = {
      issuer: parseCertificate(authority.certificate),
      publicKey: crypto.createPublicKey(leaf.key),
      serial: Buffer.from(x509.serialNumber, 'hex'),
      validity: { notBefore: new Date(x509.validFrom), notAfter: new Date(x509.validTo) },
      altNames: extensions.altNames,
      usages: extensions.usages,
      isCA: false,
    };
  });

  test('one that does is returned', () => {
    expect(assertIssued(pem, asked)).toBe(pem);
  });

  test.each<[string, (asked: IssuedExpectation) => Partial<IssuedExpectation>]>([
    ['serial number', () => ({ serial: Uint8Array.of(1) })],
    ['notBefore', ({ validity }) => ({ validity: { ...validity, notBefore: new Date(0) } })],
    ['notAfter', ({ validity }) => ({ validity: { ...validity, notAfter: new Date(0) } })],
    ['DNS names', ({ altNames }) => ({ altNames: { ...altNames, dns: ['a.example', 'b.example'] } })],
    ['mail addresses', ({ altNames }) => ({ altNames: { ...altNames, emails: [] } })],
    ['IP addresses', ({ altNames }) => ({ altNames: { ...altNames, ips: ['10.0.0.2'] } })],
    ['URIs', ({ altNames }) => ({ altNames: { ...altNames, uris: ['etcd-agent://c/coordinator/n'] } })],
    ['key usage', ({ usages }) => ({ usages: { ...usages, keyUsageBits: [0] } })],
    ['extended key usage', ({ usages }) => ({ usages: { ...usages, extended: [] } })],
    ['CA flag', () => ({ isCA: true })],
    ['issuer', () => ({ issuer: undefined })],
  ])('another %s is noticed', (what, change) => {
    expect(() => assertIssued(pem, { ...asked, ...change(asked) })).toThrow(what);
    expect(() => assertIssued(pem, { ...asked, ...change(asked) })).toThrow('nothing was issued');
  });

  test('another key, and a signature of another CA, are noticed', async () => {
    const { publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    expect(() => assertIssued(pem, { ...asked, publicKey })).toThrow('(public key)');
    const sameName = parseCertificate((await sampleAuthority()).certificate);
    expect(() => assertIssued(pem, { ...asked, issuer: sameName })).toThrow('signature');
  });
});
