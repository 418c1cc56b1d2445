/**
 * A state in one encrypted file, to carry the CA keys to another host: scrypt for the passphrase, AES-256-GCM for the
 * content, which is every file of the state by its relative path.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import * as z from 'zod';
import { Failure } from '../failure.js';
import { apiVersion } from '../output/view.js';

/** 128 MiB and about half a second: a guess costs that much too. */
const work = { N: 2 ** 17, r: 8, p: 1 } as const;
const scryptBytesMax = 256 * 1024 ** 2;
/** What an attacker with the file can try a thousand times an hour should not be one word. */
export const passphraseCharsMin = 12;

const base64 = z.string().regex(/^[A-Za-z0-9+/=]+$/);
const sealedSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('SealedState'),
  cluster: z.string(),
  exportedAt: z.iso.datetime(),
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    N: z.literal(work.N),
    r: z.literal(work.r),
    p: z.literal(work.p),
    salt: base64,
  }),
  cipher: z.strictObject({ name: z.literal('aes-256-gcm'), iv: base64, tag: base64 }),
  content: base64,
});

const pathSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)?$/, 'is not a file of a state');
const contentSchema = z.record(pathSchema, z.string());

/** Files of a state by relative path. */
export type StateFiles = Readonly<Record<string, string>>;

export async function seal(files: StateFiles, cluster: string, passphrase: string): Promise<string> {
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const exportedAt = new Date().toISOString();
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, salt), iv);
  cipher.setAAD(additional(cluster, exportedAt));
  const content = Buffer.concat([
    cipher.update(JSON.stringify(contentSchema.parse(files)), 'utf8'),
    cipher.final(),
  ]);
  const document: z.infer<typeof sealedSchema> = {
    apiVersion,
    kind: 'SealedState',
    cluster,
    exportedAt,
    kdf: { name: 'scrypt', ...work, salt: salt.toString('base64') },
    cipher: { name: 'aes-256-gcm', iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64') },
    content: content.toString('base64'),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Throws Failure (usage) for a file that is none, (identity) for a wrong passphrase or an altered file. */
export async function unseal(text: string, passphrase: string, label: string): Promise<StateFiles> {
  const parsed = sealedSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Failure({
      exit: 'usage',
      what: `${label} is not a state made by coordinator state export`,
      cause: 'another file, or cut short',
      next: 'coordinator state export FILE, on the host that has the state, makes one',
    });
  }
  const { kdf, cipher, content, cluster, exportedAt } = parsed.data;
  const key = await deriveKey(passphrase, Buffer.from(kdf.salt, 'base64'));
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(cipher.iv, 'base64'), {
      authTagLength: 16,
    });
    decipher.setAAD(additional(cluster, exportedAt));
    decipher.setAuthTag(Buffer.from(cipher.tag, 'base64'));
    const plain = Buffer.concat([decipher.update(Buffer.from(content, 'base64')), decipher.final()]).toString(
      'utf8',
    );
    return contentSchema.parse(JSON.parse(plain));
  } catch (error) {
    throw new Failure(
      {
        exit: 'identity',
        what: `${label} cannot be opened`,
        cause: 'the passphrase is wrong, or the file was altered',
        next: 'run this again with the passphrase of that export; or export the state once more',
      },
      { cause: error },
    );
  }
}

function deriveKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, { ...work, maxmem: scryptBytesMax }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function additional(cluster: string, exportedAt: string): Buffer {
  return Buffer.from(`etcd-agent sealed state\n${cluster}\n${exportedAt}`, 'utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
