/**
 * Our certificates and requests beside those of the real cfssl, and before the eyes of the real openssl. RSA 4096 is
 * used once, where the runbook asks for it; elsewhere keys are small.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRequest, readRequest } from './certificate-request.js';
import { readConfigJson, readCsrJson } from './cfssl-json.js';
import { issue } from './issue.js';
import { generateKey, type KeyRequest } from './key.js';
import { likeCfssl } from './like-cfssl.js';
import { readCertificate } from './read-certificate.js';
import { names, p256, rsa2048, sampleAuthority, sampleLeaf } from './testdata/samples.js';
import { cfssl, cfsslText, file, gencert, openssl, readFile } from './testdata/tools.js';
import { knownUsages } from './usages.js';
import { verifyChain } from './verify-chain.js';

const fixture = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url), 'utf8');
const minuteMs = 60_000;

/** What openssl reads in a certificate, field by field; what must differ (serial, keys, dates) is left out or reduced. */
function fieldsOf(pem: string) {
  const path = file('fields.pem', pem);
  const show = (...options: string[]) => openssl('x509', '-in', path, '-noout', ...options).trim();
  const text = show('-text');
  const structure = openssl('asn1parse', '-in', path).replaceAll(/^ *\d+:(d=\d+) +hl=\d+ l= *\d+ /gm, '$1 ');
  const { notBefore, notAfter } = readCertificate(pem);
  return {
    version: /Version: (.*)/.exec(text)?.[1],
    subject: show('-subject', '-nameopt', 'RFC2253,show_type'),
    issuer: show('-issuer', '-nameopt', 'RFC2253,show_type'),
    signatureAlgorithms: [...text.matchAll(/Signature Algorithm: (.*)/g)].map((match) => match[1]),
    key: [
      /Public Key Algorithm: (.*)/.exec(text)?.[1],
      /Public-Key: (.*)/.exec(text)?.[1],
      /Exponent: (.*)/.exec(text)?.[1],
    ],
    usages: show('-ext', 'keyUsage,extendedKeyUsage,basicConstraints,subjectAltName'),
    extensions: [...structure.matchAll(/d=5 prim: OBJECT +:(X509v3 .*)\n(d=5 prim: BOOLEAN +:255)?/g)].map(
      (match) => `${match[1]}${match[2] === undefined ? '' : ' critical'}`,
    ),
    lifetimeSeconds: (notAfter.getTime() - notBefore.getTime()) / 1_000,
    // Nesting, types, order and bytes of everything, without serial, dates and the two key identifiers.
    structure: structure
      .replaceAll(/(INTEGER|UTCTIME|GENERALIZEDTIME) *:.*/g, '$1')
      .replaceAll(/\[HEX DUMP\]:(0414|30168014).*/g, '$1'),
    serialBits: readCertificate(pem).serial.length > 36,
  };
}

async function ours(files: { caCsr: string; config: string; csr: string; profile?: string }) {
  const { profile } = files;
  return likeCfssl({
    caCsr: readCsrJson(files.caCsr, 'ca.json'),
    config: readConfigJson(files.config, 'config.json'),
    csr: readCsrJson(files.csr, 'csr.json'),
    now: new Date(),
    ...(profile === undefined ? {} : { profile }),
  });
}

/** Makes both from the same files and compares CA with CA, leaf with leaf. */
async function compareWithCfssl(files: { caCsr: string; config: string; csr: string; profile?: string }) {
  const [theirs, made] = [gencert(files), await ours(files)];
  for (const [mine, real] of [
    [made.authority.certificate, theirs.ca.cert],
    [made.certificate, theirs.leaf.cert],
  ] as const) {
    expect(fieldsOf(mine)).toEqual(fieldsOf(real));
    const apartMs = readCertificate(mine).notBefore.getTime() - readCertificate(real).notBefore.getTime();
    // Keys of 4096 bits were made in between, on a machine that has other things to do.
    expect(Math.abs(apartMs)).toBeLessThanOrEqual(10 * minuteMs);
    expect(apartMs % minuteMs, 'both start on a whole minute').toBe(0);
  }
  expect(made.key.split('\n')[0]).toBe(theirs.leaf.key.split('\n')[0]);
  expect(made.authority.key.split('\n')[0]).toBe(theirs.ca.key.split('\n')[0]);
  return { theirs, made };
}

describe('beside cfssl', () => {
  test("the runbook's three files make the same CA and the same certificate, field by field", async () => {
    const { made } = await compareWithCfssl({
      caCsr: fixture('etcd-root-ca-csr.json'),
      config: fixture('etcd-gencert.json'),
      csr: fixture('etcd-csr.json'),
    });
    // Named here as well, so that the comparison itself cannot have compared nothing.
    expect(fieldsOf(made.certificate)).toMatchObject({
      signatureAlgorithms: ['sha512WithRSAEncryption', 'sha512WithRSAEncryption'],
      key: ['rsaEncryption', '(4096 bit)', '65537 (0x10001)'],
      lifetimeSeconds: 87_600 * 3_600,
      extensions: [
        'X509v3 Key Usage critical',
        'X509v3 Extended Key Usage',
        'X509v3 Basic Constraints critical',
        'X509v3 Subject Key Identifier',
        'X509v3 Authority Key Identifier',
        'X509v3 Subject Alternative Name',
      ],
      structure: expect.stringContaining('[HEX DUMP]:030205A0'),
      usages: expect.stringContaining('DNS:localhost, IP Address:127.0.0.1, IP Address:192.168.124.22'),
    });
    expect(fieldsOf(made.authority.certificate)).toMatchObject({ lifetimeSeconds: 43_800 * 3_600 });
    expect(made.notes).toEqual([expect.stringContaining('its CA ends at')]);
    openssl(
      'verify',
      '-x509_strict',
      '-CAfile',
      file('a.pem', made.authority.certificate),
      file('l.pem', made.certificate),
    );
  }, 300_000);

  test.each<{ what: string; ca: object; csr: object; config: object; profile?: string }>([
    {
      what: 'ECDSA P-384 over P-256, several names, a CA with expiry and pathlen',
      ca: {
        key: { algo: 'ecdsa', size: 384 },
        CN: 'c a@b_*&',
        names: [{ O: 'b*', OU: 'x&y', C: 'CN' }, { O: 'a', ST: '', L: "it's (a) +,-./:=?" }, { O: 'a' }],
        ca: { expiry: '24h30m', pathlen: 1 },
      },
      csr: {
        key: { algo: 'ecdsa', size: 256 },
        CN: 'x',
        hosts: ['*.a.example', 'ops@example.com', '::1', 'a_b', '10.0.0.1', '::ffff:1.2.3.4'],
      },
      config: { signing: { default: { usages: ['client auth', 'signing', 'server auth'], expiry: '1h' } } },
    },
    {
      what: 'RSA 2048 over ECDSA, a profile with backdate, no hosts, a CA that allows none below it',
      ca: { key: rsa2048, CN: 'ca', ca: { pathlenzero: true } },
      csr: { CN: 'x', names: [{ O: 'only' }] },
      config: {
        signing: {
          default: { expiry: '1h' },
          profiles: { p: { usages: ['signing'], expiry: '2h1m1.5s', backdate: '1h' } },
        },
      },
      profile: 'p',
    },
    {
      what: 'RSA 3072, an expiry beyond 2050',
      ca: { key: { algo: 'rsa', size: 3072 }, CN: 'ca', ca: { expiry: '876000h' } },
      csr: { key: rsa2048, CN: 'x', hosts: ['x.example'] },
      config: { signing: { default: { usages: ['key encipherment', 'server auth'], expiry: '500000h' } } },
    },
    {
      what: 'every usage that cfssl 1.2 knows for a leaf',
      ca: { CN: 'ca' },
      csr: { CN: 'x' },
      config: {
        signing: {
          default: {
            usages: knownUsages.filter(
              (word) => !['content commitment', 'cert sign', 'crl sign', 's/mime'].includes(word),
            ),
            expiry: '1h',
          },
        },
      },
    },
  ])('the same files make the same certificates: $what', async ({ ca, csr, config, profile }) => {
    await compareWithCfssl({
      caCsr: JSON.stringify(ca),
      csr: JSON.stringify(csr),
      config: JSON.stringify(config),
      ...(profile === undefined ? {} : { profile }),
    });
  });

  test('each word for a key usage means the same bit', async () => {
    const words = [
      'signing',
      'digital signature',
      'content committment',
      'key encipherment',
      'data encipherment',
    ] as const;
    const files = { caCsr: '{"CN":"ca"}', csr: '{"CN":"x"}' };
    for (const usage of [...words, 'key agreement', 'encipher only', 'decipher only', 's/mime'] as const) {
      const config = JSON.stringify({ signing: { default: { usages: [usage], expiry: '1h' } } });
      const [theirs, made] = [gencert({ ...files, config }), await ours({ ...files, config })];
      const usagesOf = (pem: string) =>
        openssl('x509', '-in', file('u.pem', pem), '-noout', '-ext', 'keyUsage,extendedKeyUsage');
      expect(usagesOf(made.certificate), usage).toBe(usagesOf(theirs.leaf.cert));
    }
  });

  test('what cfssl prints as its default files is read', () => {
    expect(readCsrJson(cfsslText('print-defaults', 'csr'), 'csr')).toMatchObject({
      hosts: ['example.net', 'www.example.net'],
    });
    expect([...readConfigJson(cfsslText('print-defaults', 'config'), 'config').profiles.keys()]).toEqual([
      'www',
      'client',
    ]);
  });

  test('cfssl certinfo sees in our certificate what we put there', async () => {
    const authority = await sampleAuthority({ at: new Date() });
    const { certificate } = await sampleLeaf(authority, {
      now: new Date(),
      hosts: ['10.0.0.1', 'etcd0.example'],
    });
    const read = readCertificate(certificate);
    expect(cfssl('certinfo', '-cert', file('leaf.pem', certificate))).toMatchObject({
      subject: {
        common_name: 'etcd',
        country: 'CN',
        organization: 'etcd',
        organizational_unit: 'etcd Security',
      },
      issuer: { common_name: 'etcd-root-ca' },
      sans: ['etcd0.example', '10.0.0.1'],
      serial_number: BigInt(`0x${read.serial}`).toString(),
      sigalg: 'ECDSAWithSHA256',
      not_before: read.notBefore.toISOString().replace('.000', ''),
      not_after: read.notAfter.toISOString().replace('.000', ''),
    });
    expect(cfssl('certinfo', '-cert', file('ca.pem', authority.certificate))).toMatchObject({
      subject: { common_name: 'etcd-root-ca' },
    });
  });

  test.each([rsa2048, p256])(
    'cfssl signs our request with our CA, and we accept the result: $algo',
    async (kind) => {
      const authority = await sampleAuthority({ key: kind, at: new Date() });
      const key = await generateKey(kind);
      const request = await createRequest({
        key,
        subject: { CN: 'x', names },
        hosts: ['x.example', '10.0.0.1'],
      });
      const signed = cfssl(
        ...[
          'sign',
          '-ca',
          file('ca.pem', authority.certificate),
          '-ca-key',
          file('ca-key.pem', authority.key),
        ],
        ...['-config', file('config.json', fixture('etcd-gencert.json')), file('x.csr', request)],
      ) as { cert: string };
      const verdict = verifyChain({
        leaf: signed.cert,
        authority: authority.certificate,
        now: new Date(),
        usage: 'client auth',
      });
      expect(verdict).toMatchObject({
        ok: true,
        certificate: { dns: ['x.example'], ips: ['10.0.0.1'], key: kind },
      });
    },
  );

  test.each([rsa2048, p256])("we issue for cfssl's request and from cfssl's CA: $algo", async (key) => {
    const { ca, leaf } = gencert({
      caCsr: JSON.stringify({ CN: 'ca', key }),
      config: fixture('etcd-gencert.json'),
      csr: JSON.stringify({ CN: 'x', key, hosts: ['x.example'] }),
    });
    const { publicKey } = await readRequest(leaf.csr);
    const authority = { certificate: ca.cert, key: ca.key };
    const subject = { CN: 'node', names };
    const common = {
      hosts: ['10.0.0.1'],
      uris: [],
      usages: ['signing', 'server auth'] as const,
      expiry: '1h',
    };
    const certificate = await issue({ authority, publicKey, subject, ...common, now: new Date() });
    openssl('verify', '-x509_strict', '-CAfile', file('ca.pem', ca.cert), file('leaf.pem', certificate));
  });
});

describe('before openssl', () => {
  const kinds: KeyRequest[] = [rsa2048, p256];
  test.each(kinds.flatMap((ca) => kinds.map((leaf) => ({ ca, leaf }))))(
    'a $leaf.algo leaf of a $ca.algo CA verifies strictly, by purpose, by name and by address',
    async ({ ca, leaf }) => {
      const authority = await sampleAuthority({ key: ca, at: new Date() });
      const { certificate, key } = await sampleLeaf(authority, {
        key: leaf,
        now: new Date(),
        hosts: ['10.0.0.1', 'n.example'],
      });
      const caPath = file('ca.pem', authority.certificate);
      const leafPath = file('leaf.pem', certificate);
      const verify = (...more: string[]) =>
        openssl('verify', '-x509_strict', '-CAfile', caPath, ...more, leafPath);
      expect(verify('-purpose', 'sslserver', '-verify_ip', '10.0.0.1')).toContain(': OK');
      expect(verify('-purpose', 'sslclient', '-verify_hostname', 'n.example')).toContain(': OK');
      expect(() => verify('-verify_ip', '10.0.0.2')).toThrow('IP address mismatch');
      expect(openssl('pkey', '-check', '-noout', '-in', file('key.pem', key))).toContain('is valid');
    },
  );

  test.each([...kinds, { algo: 'ecdsa', size: 384 } as const])(
    'our request verifies: $algo $size',
    async (kind) => {
      const request = await createRequest({
        key: await generateKey(kind),
        subject: { CN: 'x', names },
        hosts: ['a.example', '::1'],
      });
      const shown = openssl(
        'req',
        '-verify',
        '-text',
        '-noout',
        '-nameopt',
        'RFC2253',
        '-in',
        file('x.csr', request),
      );
      expect(shown).toContain('CN=x,OU=etcd Security,O=etcd,L=Beijing,ST=Beijing,C=CN');
      expect(shown).toContain('DNS:a.example, IP Address:0:0:0:0:0:0:0:1');
    },
  );

  test.each([
    ['RSA 2048', 'rsa:2048'],
    ['P-384 with SHA-512', 'ec -pkeyopt ec_paramgen_curve:P-384 -sha512'],
  ])('its request is read: %s', async (_what, options) => {
    openssl(...words(`req -new -newkey ${options} -nodes -keyout k.pem -out r.pem -subj /CN=x`));
    await expect(readRequest(readFile('r.pem'))).resolves.toMatchObject({
      publicKeySha256: expect.any(String),
    });
  });

  test.each([
    ['RSA 1024', 'RSA 1024', 'rsa:1024'],
    ['P-521', 'EC secp521r1', 'ec -pkeyopt ec_paramgen_curve:P-521'],
    ['Ed25519', 'ED25519', 'ed25519'],
    ['RSA-PSS', 'RSA-PSS 2048', 'rsa-pss -pkeyopt rsa_keygen_bits:2048'],
    ['an RSA exponent of 3', 'public exponent 3', 'rsa:2048 -pkeyopt rsa_keygen_pubexp:3'],
    ['SHA-1', 'not ecdsa with SHA-2', 'ec -pkeyopt ec_paramgen_curve:P-256 -sha1'],
    [
      'a curve spelt out',
      'unusual encoding',
      'ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit',
    ],
  ])('its request with %s is refused', async (_what, why, options) => {
    openssl(...words(`req -new -newkey ${options} -nodes -keyout k.pem -out r.pem -subj /CN=x`));
    await expect(readRequest(readFile('r.pem'))).rejects.toThrow(why);
  });

  test('its request with a compressed point, which Go cannot read, is refused', async () => {
    openssl(...words('ecparam -name prime256v1 -genkey -noout -out plain.pem'));
    openssl(...words('ec -in plain.pem -conv_form compressed -out k.pem'));
    openssl(...words('req -new -key k.pem -out r.pem -subj /CN=x'));
    await expect(readRequest(readFile('r.pem'))).rejects.toThrow('unusual encoding');
  });
});

function words(line: string): string[] {
  return line.split(' ');
}
