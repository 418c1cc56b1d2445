/**
 * What cfssl makes from three files, made here: `cfssl gencert -initca ca.json`, then
 * `cfssl gencert -ca -ca-key -config config.json csr.json`. For those who have such files and want the same
 * certificates; what the product gives to its nodes is narrower and comes from `issue`.
 */
import crypto from 'node:crypto';
import { type Authority, createAuthority } from './authority.js';
import type { ConfigJson, CsrJson, SigningProfile } from './cfssl-json.js';
import { parseExpiry } from './expiry.js';
import { issueLeaf } from './issue.js';
import { generateKey, readPrivateKey } from './key.js';
import { PkiError } from './pki-error.js';
import { readCertificate } from './read-certificate.js';

export interface LikeCfssl {
  readonly authority: Authority;
  readonly certificate: string;
  readonly key: string;
  /** What a careful operator should know about these certificates; sentences, maybe none. */
  readonly notes: readonly string[];
}

/**
 * A CA and a leaf with the subject, usages, key kind, expiry and names that cfssl takes from the same files.
 * `profile` names a signing profile; left out, it is `default`. Like cfssl, and unlike `issue`, it lets the leaf
 * outlive its CA when the files say so (the CA's default is five years); `notes` says it.
 * Throws PkiError as `createAuthority` and `issue` do, and `badUsage` for an unknown profile.
 */
export async function likeCfssl(input: {
  caCsr: CsrJson;
  config: ConfigJson;
  csr: CsrJson;
  now: Date;
  profile?: string;
}): Promise<LikeCfssl> {
  const { caCsr, csr, now } = input;
  const profile = chooseProfile(input.config, input.profile);
  const [authority, key] = await Promise.all([
    createAuthority({
      subject: caCsr,
      key: caCsr.key,
      expiry: caCsr.ca.expiry,
      pathLength: caCsr.ca.pathLength,
      now,
    }),
    generateKey(csr.key),
  ]);
  const publicKey = crypto
    .createPublicKey(readPrivateKey(key))
    .export({ type: 'spki', format: 'pem' })
    .toString();
  const certificate = await issueLeaf(
    {
      authority,
      publicKey,
      subject: csr,
      hosts: csr.hosts,
      uris: [],
      usages: profile.usages,
      expiry: profile.expiry,
      now,
    },
    {
      mayOutliveAuthority: true,
      backdateMs: profile.backdate === undefined ? undefined : parseExpiry(profile.backdate),
    },
  );
  return { authority, certificate, key, notes: notesOn(caCsr, csr, authority, certificate) };
}

function chooseProfile(config: ConfigJson, name: string | undefined): SigningProfile {
  if (name === undefined || name === 'default') return config.default;
  const profile = config.profiles.get(name);
  if (profile !== undefined) return profile;
  const known = ['default', ...config.profiles.keys()].join(', ');
  throw new PkiError('badUsage', `there is no signing profile ${JSON.stringify(name)}; there are: ${known}`);
}

function notesOn(caCsr: CsrJson, csr: CsrJson, authority: Authority, certificate: string): string[] {
  const caEnd = readCertificate(authority.certificate).notAfter;
  const leafEnd = readCertificate(certificate).notAfter;
  const notes: string[] = [];
  if (leafEnd > caEnd) {
    notes.push(
      `The certificate is dated to ${leafEnd.toISOString()} but its CA ends at ${caEnd.toISOString()}, and the certificate with it; set ca.expiry in the CA's file.`,
    );
  }
  if (caCsr.hosts.length > 0) notes.push("The hosts in the CA's file are left out: a CA is not a server.");
  if (csr.hosts.length === 0)
    notes.push('The certificate has no hosts: no client will accept it from a server.');
  return notes;
}
