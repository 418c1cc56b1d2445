import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfigJson, readCsrJson } from './cfssl-json.js';
import { PkiError } from './pki-error.js';

const fixture = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url), 'utf8');
const names = [{ C: 'CN', ST: 'Beijing', L: 'Beijing', O: 'etcd', OU: 'etcd Security' }];

function problemsOf(read: () => unknown): Record<string, string> {
  try {
    read();
  } catch (error) {
    if (error instanceof PkiError)
      return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
    throw error;
  }
  throw new Error('it was accepted');
}

describe("the runbook's files are read as they are", () => {
  test('etcd-root-ca-csr.json', () => {
    expect(readCsrJson(fixture('etcd-root-ca-csr.json'), 'ca')).toEqual({
      CN: 'etcd-root-ca',
      names,
      hosts: [],
      key: { algo: 'rsa', size: 4096 },
      ca: { expiry: '43800h', pathLength: undefined },
    });
  });

  test('etcd-csr.json', () => {
    expect(readCsrJson(fixture('etcd-csr.json'), 'csr')).toMatchObject({
      CN: 'etcd',
      names,
      hosts: ['127.0.0.1', 'localhost', '192.168.124.22', '192.168.124.23', '192.168.124.24'],
      key: { algo: 'rsa', size: 4096 },
    });
  });

  test('etcd-gencert.json', () => {
    expect(readConfigJson(fixture('etcd-gencert.json'), 'config')).toEqual({
      default: {
        usages: ['signing', 'key encipherment', 'server auth', 'client auth'],
        expiry: '87600h',
        backdate: undefined,
      },
      profiles: new Map(),
    });
  });
});

describe('a request file', () => {
  test("gets cfssl's defaults for what it leaves out", () => {
    expect(readCsrJson('\uFEFF{"CN":"x"}', 'f')).toEqual({
      CN: 'x',
      names: [],
      hosts: [],
      key: { algo: 'ecdsa', size: 256 },
      ca: { expiry: '43800h', pathLength: undefined },
    });
  });

  test('may limit a CA to 0 CAs below it only by pathlenzero, as in cfssl', () => {
    const pathLength = (ca: object) => readCsrJson(JSON.stringify({ CN: 'x', ca }), 'f').ca.pathLength;
    expect(pathLength({ pathlen: 0 })).toBeUndefined();
    expect(pathLength({ pathlenzero: true })).toBe(0);
    expect(pathLength({ pathlen: 2 })).toBe(2);
    expect(() => pathLength({ pathlen: 2, pathlenzero: true })).toThrow('contradict');
  });

  test('with many mistakes has them all reported at once, each with its path', () => {
    const text = JSON.stringify({
      cn: 'lower case',
      names: [{ C: 'China', ST: '北京', X: 1 }, 'not an object'],
      hosts: ['ok.example', '999.1.1.1', 7],
      key: { algo: 'rsa', size: 1024 },
      ca: { expiry: '10y', pathlen: 1.5 },
      'odd key': true,
      serialnumber: '1',
    });
    const problems = problemsOf(() => readCsrJson(text, 'csr.json'));
    expect(problems).toEqual({
      '$.CN': 'is missing',
      '$.cn': expect.stringContaining('write it "CN"'),
      '$.names[0].C': expect.stringContaining('two-letter'),
      '$.names[0].ST': expect.stringContaining('U+5317'),
      '$.names[0].X': expect.stringContaining('unknown key'),
      '$.names[1]': expect.stringContaining('expected object'),
      '$.hosts[1]': expect.stringContaining('looks like an IP address'),
      '$.hosts[2]': expect.stringContaining('expected string'),
      '$.key': expect.stringContaining('rsa 1024 is not supported'),
      '$.ca.expiry': expect.stringContaining('8760h'),
      '$.ca.pathlen': expect.stringContaining('int'),
      '$["odd key"]': expect.stringContaining('cfssl would silently ignore it'),
      '$.serialnumber': expect.stringContaining('cfssl has this key'),
    });
    expect(() => readCsrJson(text, 'csr.json')).toThrow(/^csr\.json:\n {2}\$/);
  });

  test('that is not JSON is refused with its line and column', () => {
    expect(() => readCsrJson('{\n  "CN": "x",\n}', 'csr.json')).toThrow(
      /^csr\.json: line 3, column 1: is not JSON/,
    );
    expect(() => readCsrJson('', 'csr.json')).toThrow(/^csr\.json: is not JSON/);
    expect(() => readCsrJson('[]', 'csr.json')).toThrow('csr.json: $: ');
    expect(() => readCsrJson(`"${'x'.repeat(2 ** 20)}"`, 'csr.json')).toThrow('larger than');
  });
});

describe('a signing configuration', () => {
  test("without default gets cfssl's own: one year, server and client", () => {
    expect(readConfigJson('{"signing":{}}', 'f').default).toMatchObject({ expiry: '8760h' });
  });

  test('keeps its profiles by name, and the default may be without usages, as cfssl prints it', () => {
    const config = readConfigJson(
      '{"signing":{"default":{"expiry":"168h"},"profiles":{"www":{"expiry":"1h","usages":["server auth"],"backdate":"1h"}}}}',
      'f',
    );
    expect(config.default.usages).toEqual([]);
    expect(config.profiles.get('www')).toEqual({ expiry: '1h', usages: ['server auth'], backdate: '1h' });
  });

  test('with mistakes has them all reported at once', () => {
    const profile = { usages: ['signing', 'sever auth'], expiry: '', crl_url: 'http://x' };
    const text = JSON.stringify({
      signing: { default: profile, profiles: { p: { usages: [] } } },
      auth_keys: {},
    });
    expect(problemsOf(() => readConfigJson(text, 'f'))).toEqual({
      '$.auth_keys': expect.stringContaining('cfssl has this key'),
      '$.signing.default.usages[1]': expect.stringContaining('"sever auth" is unknown; known are: signing'),
      '$.signing.default.expiry': expect.stringContaining('bad expiry ""'),
      '$.signing.default.crl_url': expect.stringContaining('cfssl has this key'),
      '$.signing.profiles.p.expiry': 'is missing',
      '$.signing.profiles.p.usages': expect.any(String),
    });
    expect(problemsOf(() => readConfigJson('{}', 'f'))).toEqual({ '$.signing': 'is missing' });
  });
});
