/** A state in an encrypted file: it comes back whole or not at all. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../failure.js';
import { type StateFiles, seal, unseal } from './sealed.js';

const files: StateFiles = {
  'cluster.yaml': 'name: c1\n',
  'ca/etcd-root-ca-key.pem': '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n',
  'nodes/n0.json': '{"ä": "\\u0000"}',
};
const passphrase = 'correct horse battery';

async function failure(act: Promise<unknown>): Promise<Failure> {
  const outcome = await act.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  if (outcome instanceof Failure) return outcome;
  throw new Error(String(outcome));
}

describe('a sealed state', () => {
  let sealed = '';
  // Once for most of them: each sealing and each opening costs the half second that a guess costs.
  beforeAll(async () => {
    sealed = await seal(files, 'c1', passphrase);
  });

  it('comes back as it was, and shows nothing of what is in it', async () => {
    expect(sealed).not.toMatch(/PRIVATE KEY|cluster\.yaml|secret/);
    expect(sealed).not.toContain(Buffer.from('PRIVATE KEY').toString('base64').slice(0, 12));
    expect(await unseal(sealed, passphrase, 'f')).toEqual(files);
  });

  it('never looks the same twice', async () => {
    const other = await seal(files, 'c1', passphrase);
    const view = (text: string) => {
      const { kdf, cipher, content } = JSON.parse(text) as {
        kdf: { salt: string };
        cipher: { iv: string };
        content: string;
      };
      return [kdf.salt, cipher.iv, content];
    };
    for (const [index, part] of view(sealed).entries()) expect(part).not.toBe(view(other)[index]);
  });

  it('does not open with another passphrase, and says so', async () => {
    const { exitCode, parts } = await failure(unseal(sealed, `${passphrase} `, 'f'));
    expect(exitCode).toBe(7);
    expect(parts).toMatchObject({
      what: 'f cannot be opened',
      cause: 'the passphrase is wrong, or the file was altered',
    });
    expect(parts.next).toBeDefined();
  });

  it('opens with the same passphrase typed on a keyboard that composes letters otherwise', async () => {
    const composed = await seal(files, 'c1', 'gr\u00f6\u00dfte m\u00fche');
    expect(await unseal(composed, 'gro\u0308\u00dfte mu\u0308he', 'f')).toEqual(files);
  });

  it.each([
    ['a byte of the content', 'content', (text: string) => flipped(text, 77)],
    ['a byte of the tag', 'tag', (text: string) => flipped(text, 0)],
    ['a shorter tag', 'tag', (text: string) => text.slice(0, 8)],
    ['a byte of the salt', 'salt', (text: string) => flipped(text, 9)],
    ['a longer iv', 'iv', (text: string) => flipped(text, 0).repeat(2)],
    ['another cluster', 'cluster', () => 'c2'],
    ['another date', 'exportedAt', () => '2020-01-01T00:00:00.000Z'],
  ])('with %s does not open', async (_what, field, change) => {
    const found = new RegExp(`"${field}": "([^"]*)"`).exec(sealed)![1]!;
    const altered = sealed.replace(found, change(found));
    expect(altered).not.toBe(sealed);
    expect((await failure(unseal(altered, passphrase, 'f'))).exitCode).toBe(7);
  });

  it('that is no sealed state is told apart from one that does not open', async () => {
    for (const text of ['', '{}', 'PK\u0003\u0004', sealed.slice(0, 200)]) {
      const { exitCode, parts } = await failure(unseal(text, passphrase, 'f'));
      expect(exitCode).toBe(2);
      expect(parts.what).toBe('f is not a state made by coordinator state export');
      expect(parts.next).toBeDefined();
    }
  });

  it('that asks for less work than ours is not opened: a weak one would be quick to guess', async () => {
    const weak = sealed.replace('"N": 131072', '"N": 2');
    expect(weak).not.toBe(sealed);
    expect((await failure(unseal(weak, passphrase, 'f'))).exitCode).toBe(2);
  });

  it.each(['../x', '/etc/passwd', 'a/b/c', 'ca/../../x', '.ssh/id'])(
    'never holds the path %s',
    async (path) => {
      await expect(seal({ [path]: 'x' }, 'c1', passphrase)).rejects.toThrow();
    },
  );
});

function flipped(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64');
  const index = at % bytes.length;
  bytes[index] = bytes[index]! ^ 1;
  return bytes.toString('base64');
}
