import { expect, test } from 'vitest';
import { readConfigJson, readCsrJson } from './cfssl-json.js';
import { likeCfssl } from './like-cfssl.js';
import { readCertificate } from './read-certificate.js';
import { now } from './testdata/samples.js';

const config = readConfigJson(
  '{"signing":{"default":{"usages":["signing","server auth"],"expiry":"87600h"}}}',
  'config',
);

test('files that let a leaf outlive its CA make such a leaf, as in cfssl, and the notes say so', async () => {
  const caCsr = readCsrJson('{"CN":"ca","hosts":["10.0.0.1"]}', 'ca');
  const made = await likeCfssl({ caCsr, config, csr: readCsrJson('{"CN":"x"}', 'csr'), now });
  const end = (pem: string) => readCertificate(pem).notAfter.getTime();
  expect(end(made.certificate) - end(made.authority.certificate)).toBe(43_800 * 3_600_000);
  expect(made.notes).toEqual([
    expect.stringContaining('its CA ends at 2031-'),
    expect.stringContaining('a CA is not a server'),
    expect.stringContaining('has no hosts'),
  ]);
});

test('files with nothing odd in them make no notes', async () => {
  const caCsr = readCsrJson('{"CN":"ca","ca":{"expiry":"87600h"}}', 'ca');
  const made = await likeCfssl({
    caCsr,
    config,
    csr: readCsrJson('{"CN":"x","hosts":["x.example"]}', 'csr'),
    now,
  });
  expect(made.notes).toEqual([]);
});

test('an unknown signing profile is refused, with those that there are', async () => {
  const csr = readCsrJson('{"CN":"x"}', 'csr');
  await expect(likeCfssl({ caCsr: csr, config, csr, now, profile: 'sever' })).rejects.toThrow(
    'there are: default',
  );
});
