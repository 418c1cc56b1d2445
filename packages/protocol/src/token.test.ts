import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleToken } from './testing/samples.js';
import { decodeToken, encodeToken, type JoinToken } from './token.js';

const tokens: fc.Arbitrary<JoinToken> = fc.record({
  id: fc.uuid({ version: 4 }),
  cluster: fc.stringMatching(/^[A-Za-z0-9]{1,63}$/),
  node: fc.stringMatching(/^[A-Za-z0-9]{1,63}$/),
  agentCaSha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  secret: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => Buffer.from(bytes).toString('base64url')),
  expiresAt: fc
    .date({ min: new Date('2020-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
});
const line = encodeToken(sampleToken);

describe('a join token', () => {
  it('reads back as it was written, with white space around it', () => {
    fc.assert(
      fc.property(tokens, fc.constantFrom('', '\n', '\r\n', ' \t'), (token, space) => {
        expect(decodeToken(space + encodeToken(token) + space)).toEqual({ kind: 'ok', token });
      }),
    );
  });

  it('is one line of letters that no shell needs quoted', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(encodeToken(token)).toMatch(/^[A-Za-z0-9._-]+$/);
      }),
    );
  });

  it('cut anywhere is refused', () => {
    for (let length = 0; length < line.length; length += 1) {
      expect(decodeToken(line.slice(0, length)).kind, `${length} letters`).toBe('malformed');
    }
  });

  it('with one letter changed, dropped or put in is refused', () => {
    const letters = fc.constantFrom(...'AZaz09-_.=+/!');
    fc.assert(
      fc.property(fc.nat(line.length - 1), letters, fc.constantFrom(0, 1), (at, letter, cut) => {
        const altered = line.slice(0, at) + letter + line.slice(at + cut);
        if (altered !== line) expect(decodeToken(altered).kind).toBe('malformed');
      }),
    );
  });

  it('says what is wrong and never quotes the secret', () => {
    expect(decodeToken(' \n')).toEqual({ kind: 'malformed', why: 'the file is empty' });
    expect(decodeToken('-----BEGIN CERTIFICATE-----')).toMatchObject({
      why: expect.stringContaining('does not begin with etcd-agent-join-v1.'),
    });
    const broken = `${line.slice(0, 40)}\n${line.slice(40)}`;
    expect(decodeToken(broken)).toMatchObject({ why: expect.stringContaining('white space') });
    for (const text of [broken, line.slice(0, -1), `x${line}`, `${line}x`]) {
      expect(JSON.stringify(decodeToken(text))).not.toContain(line.slice(30, 50));
    }
  });

  it('is not made from fields that are not whole', () => {
    expect(() => encodeToken({ ...sampleToken, secret: 'short' })).toThrow();
    expect(() => encodeToken({ ...sampleToken, node: '../etcd0' })).toThrow();
    expect(() => encodeToken({ ...sampleToken, expiresAt: 'tomorrow' })).toThrow();
  });
});
