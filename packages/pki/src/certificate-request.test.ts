import crypto from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRequest, readRequest } from './certificate-request.js';
import { generateKey, type KeyRequest } from './key.js';
import { encodePem } from './pem.js';

const subject = { CN: 'etcd0', names: [{ O: 'etcd' }] };
const p256: KeyRequest = { algo: 'ecdsa', size: 256 };

async function sampleRequest(request: KeyRequest = p256) {
  const key = await generateKey(request);
  return { key, pem: await createRequest({ key, subject, hosts: ['10.0.0.1', 'etcd0.example'] }) };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

describe('a certificate request', () => {
  test.each<KeyRequest>([
    { algo: 'rsa', size: 2048 },
    { algo: 'rsa', size: 3072 },
    { algo: 'ecdsa', size: 256 },
    { algo: 'ecdsa', size: 384 },
  ])('gives the CA its public key: $algo $size', async (request) => {
    const { key, pem } = await sampleRequest(request);
    const read = await readRequest(pem);
    const spki = crypto.createPublicKey(key).export({ type: 'spki', format: 'der' });
    expect(read.key).toEqual(request);
    expect(derOf(read.publicKey).equals(spki)).toBe(true);
    expect(read.publicKeySha256).toBe(crypto.createHash('sha256').update(spki).digest('hex'));
  });

  test('over 16 KiB is refused before it is parsed', async () => {
    const { pem } = await sampleRequest();
    await expect(readRequest(pem + ' '.repeat(16 * 1024))).rejects.toThrow('the limit is 16384');
    await expect(readRequest('x'.repeat(10_000_000))).rejects.toMatchObject({ code: 'badRequest' });
  });

  test('with the public key of another is refused: its maker does not hold the private key', async () => {
    const [mine, theirs] = await Promise.all([sampleRequest(), sampleRequest()]);
    const der = derOf(mine.pem);
    const spki = (pem: string) => crypto.createPublicKey(pem).export({ type: 'spki', format: 'der' });
    const at = der.indexOf(spki(mine.key));
    spki(theirs.key).copy(der, at);
    await expect(readRequest(encodePem('CERTIFICATE REQUEST', der))).rejects.toThrow(
      'not signed by its own key',
    );
  });

  test('is refused, never half read, whichever byte is changed', async () => {
    const { pem } = await sampleRequest();
    const original = await readRequest(pem);
    const der = derOf(pem);
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (index, flip) => {
        const changed = Buffer.from(der);
        changed[index]! ^= flip;
        const read = await readRequest(encodePem('CERTIFICATE REQUEST', changed)).catch(
          (error: unknown) => error,
        );
        expect(read, `byte ${index}`).toMatchObject({ name: 'PkiError', code: 'badRequest' });
      }),
      { numRuns: 300 },
    );
    expect(original.key).toEqual(p256);
  });

  test('cut anywhere is refused', async () => {
    const der = derOf((await sampleRequest()).pem);
    for (let length = 0; length < der.length; length += 7) {
      const cut = encodePem('CERTIFICATE REQUEST', der.subarray(0, length));
      await expect(readRequest(cut)).rejects.toMatchObject({ code: 'badRequest' });
    }
  });

  test.each([
    ['nothing at all', '', 'not PEM'],
    ['another kind of PEM', encodePem('CERTIFICATE', Buffer.from([0x30, 0])), 'CERTIFICATE REQUEST'],
    [
      'text instead of base64',
      '-----BEGIN CERTIFICATE REQUEST-----\n!!\n-----END CERTIFICATE REQUEST-----',
      'base64',
    ],
    ['no end', '-----BEGIN CERTIFICATE REQUEST-----\nMAA=', 'cut short'],
    ['an empty sequence', encodePem('CERTIFICATE REQUEST', Buffer.from([0x30, 0])), 'is damaged'],
    ['lengths without end', encodePem('CERTIFICATE REQUEST', Buffer.from([0x30, 0x80, 0, 0])), 'is damaged'],
    ['a hundred nested parts', encodePem('CERTIFICATE REQUEST', Buffer.alloc(100, 0x30)), 'is damaged'],
  ])('that is %s is refused', async (_what, pem, why) => {
    await expect(readRequest(pem)).rejects.toThrow(why);
  });

  test('with bytes after its end is refused', async () => {
    const der = derOf((await sampleRequest()).pem);
    const longer = encodePem('CERTIFICATE REQUEST', Buffer.concat([der, Buffer.of(0)]));
    await expect(readRequest(longer)).rejects.toThrow('left over');
  });

  test('two in one text are refused: it would not be clear which one is meant', async () => {
    const { pem } = await sampleRequest();
    await expect(readRequest(pem + pem)).rejects.toThrow('holds 2 PEM blocks');
  });

  test('for a private key that is none fails without showing a byte of it', async () => {
    const key = await generateKey(p256);
    const broken = key.replace(/\n[^\n]{8}/, '\nAAAAAAAA');
    const error: unknown = await createRequest({ key: broken, subject }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'badKey' });
    const { message, cause, stack } = error as Error;
    expect(cause).toBeUndefined();
    for (const line of broken.split('\n').filter((text) => !/^(-----.*)?$/.test(text))) {
      expect(message + stack).not.toContain(line);
    }
  });

  test('for a subject or hosts that are bad is refused', async () => {
    const key = await generateKey(p256);
    await expect(createRequest({ key, subject: { CN: '节点', names: [] } })).rejects.toMatchObject({
      code: 'badSubject',
    });
    await expect(createRequest({ key, subject, hosts: ['999.1.1.1'] })).rejects.toMatchObject({
      code: 'badHost',
    });
  });
});

describe('keys', () => {
  test('are written in the PEM forms that cfssl writes', async () => {
    expect(await generateKey(p256)).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n/);
    expect(await generateKey({ algo: 'rsa', size: 2048 })).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
  });

  test('of other kinds and sizes are refused by name', async () => {
    for (const request of [
      { algo: 'rsa', size: 1024 },
      { algo: 'ecdsa', size: 521 },
      { algo: 'dsa', size: 2048 },
    ]) {
      await expect(generateKey(request as KeyRequest)).rejects.toThrow(
        `key ${request.algo} ${request.size} is not supported`,
      );
    }
  });
});
