/**
 * Reads cfssl's JSON files as they are: certificate requests (`cfssl gencert ... csr.json`) and signing configuration
 * (`-config`). Stricter than cfssl, which ignores what it does not know: a misspelt "hosts" would make a certificate
 * without names, so every unknown key is an error, and so is one that cfssl obeys and this product does not.
 */
import * as z from 'zod';
import {
  commonNameSchema,
  expirySchema,
  hostSchema,
  keyRequestSchema,
  subjectNameSchema,
  usageSchema,
} from './cfssl-schemas.js';
import type { KeyRequest } from './key.js';
import { PkiError, type Problem, throwProblems } from './pki-error.js';
import type { Subject } from './subject.js';
import type { Usage } from './usages.js';

/** A cfssl request file. `CN` and `names` make it a Subject. */
export interface CsrJson extends Subject {
  readonly hosts: readonly string[];
  readonly key: KeyRequest;
  readonly ca: {
    /** Go duration; cfssl's own default for a CA is five years. */
    readonly expiry: string;
    /** From `pathlen` and `pathlenzero`; undefined is no limit. */
    readonly pathLength: number | undefined;
  };
}

/** A signing profile. `usages` may be empty in `default`, as in cfssl; nothing can be issued from it then. */
export interface SigningProfile {
  readonly usages: readonly Usage[];
  readonly expiry: string;
  /** Go duration that NotBefore is put back; undefined is cfssl's five minutes. */
  readonly backdate: string | undefined;
}

/** A cfssl signing configuration. */
export interface ConfigJson {
  readonly default: SigningProfile;
  readonly profiles: ReadonlyMap<string, SigningProfile>;
}

/** cfssl's defaults, where a file leaves them out. */
const defaultKey: KeyRequest = { algo: 'ecdsa', size: 256 };
const defaultAuthorityExpiry = '43800h';
const defaultProfile: SigningProfile = {
  usages: ['signing', 'key encipherment', 'server auth', 'client auth'],
  expiry: '8760h',
  backdate: undefined,
};

const jsonBytesMax = 1024 * 1024;

/** Reads a request file. `label` is the file's name in errors. Throws PkiError `badJson` listing every problem. */
export function readCsrJson(text: string, label: string): CsrJson {
  const { ca, ...rest } = read(csrSchema, text, label);
  const pathLength = ca.pathlen === 0 && !ca.pathlenzero ? undefined : ca.pathlen;
  return { ...rest, ca: { expiry: ca.expiry || defaultAuthorityExpiry, pathLength } };
}

/** Reads a configuration file; as `readCsrJson`. */
export function readConfigJson(text: string, label: string): ConfigJson {
  const { signing } = read(configSchema, text, label);
  return { default: signing.default ?? defaultProfile, profiles: new Map(Object.entries(signing.profiles)) };
}

const csrSchema = z.strictObject({
  CN: commonNameSchema,
  names: z.array(subjectNameSchema).default([]),
  hosts: z.array(hostSchema).default([]),
  key: keyRequestSchema.default(defaultKey),
  ca: z
    .strictObject({
      expiry: z.union([z.literal(''), expirySchema]).default(''),
      pathlen: z.int().min(0).max(127).default(0),
      pathlenzero: z.boolean().default(false),
    })
    .refine((ca) => !(ca.pathlenzero && ca.pathlen > 0), {
      message: 'pathlen and pathlenzero contradict each other',
    })
    .prefault({}),
});

const localProfile = { expiry: expirySchema, backdate: expirySchema.optional() };

const configSchema = z.strictObject({
  signing: z.strictObject({
    default: z
      .strictObject({ ...localProfile, usages: z.array(usageSchema).default([]) })
      .transform(toProfile)
      .optional(),
    profiles: z
      .record(
        z.string(),
        z.strictObject({ ...localProfile, usages: z.array(usageSchema).min(1) }).transform(toProfile),
      )
      .default({}),
  }),
});

function toProfile(value: {
  usages: Usage[];
  expiry: string;
  backdate?: string | undefined;
}): SigningProfile {
  return { usages: value.usages, expiry: value.expiry, backdate: value.backdate };
}

function read<T>(schema: z.ZodType<T>, text: string, label: string): T {
  const result = schema.safeParse(parseJson(text, label));
  if (result.success) return result.data;
  throwProblems('badJson', label, result.error.issues.flatMap(toProblems));
  throw new PkiError('badJson', `${label}: cannot be read`);
}

function parseJson(text: string, label: string): unknown {
  if (Buffer.byteLength(text) > jsonBytesMax)
    throw new PkiError('badJson', `${label}: is larger than ${jsonBytesMax} bytes`);
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const position = /at position (\d+)/.exec(why)?.[1];
    const before = position === undefined ? undefined : text.slice(0, Number(position)).split('\n');
    const where = before === undefined ? '' : ` line ${before.length}, column ${before.at(-1)!.length + 1}:`;
    throw new PkiError('badJson', `${label}:${where} is not JSON: ${why}`, { cause });
  }
}

function toProblems(issue: z.core.$ZodIssue): Problem[] {
  const path = jsonPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: jsonPath([...issue.path, key]),
      message: unknownKeyMessage(key),
    }));
  }
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.at(-1) ?? [];
    if (inner.length > 0)
      return inner.flatMap((one) => toProblems({ ...one, path: [...issue.path, ...one.path] }));
  }
  if (issue.message.endsWith('received undefined')) return [{ path, message: 'is missing' }];
  return [{ path, message: issue.message }];
}

function jsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = String(part);
    return /^[A-Za-z_]\w*$/.test(name) ? `${text}.${name}` : `${text}[${JSON.stringify(name)}]`;
  }, '$');
}

const knownKeys =
  'CN names C ST L O OU hosts key algo size ca expiry pathlen pathlenzero signing default profiles usages backdate';
const cfsslOnlyKeys =
  'serialnumber SerialNumber extensions auth_keys remotes issuer_urls ocsp_url crl_url policies ocsp_no_check auth_key remote auth_remote ca_constraint is_ca cert_store ct_log_servers name_whitelist csr_whitelist allowed_extensions not_before not_after copy_extensions';

function unknownKeyMessage(key: string): string {
  if (cfsslOnlyKeys.split(' ').includes(key)) {
    return 'cfssl has this key, this product does not support it; take it out if it does not matter to you';
  }
  // Go matches the names of keys in any case; here a key is written as cfssl documents it.
  const meant = knownKeys
    .split(' ')
    .find((known) => known !== key && known.toLowerCase() === key.toLowerCase());
  const hint = meant === undefined ? 'cfssl would silently ignore it' : `write it ${JSON.stringify(meant)}`;
  return `unknown key, or not in its place; ${hint}`;
}
