/**
 * Who is at the other end of a link: read from the SAN URI of its certificate, never from a message.
 */
import * as z from 'zod';

/** What a certificate of the agent CA may say its holder is. */
export const identityRoles = ['coordinator', 'agent'] as const;
export type IdentityRole = (typeof identityRoles)[number];

/** What the holder may call on an agent: another agent is a `peer`. */
export type CallerRole = 'coordinator' | 'peer';

/** The identity in a link certificate. */
export interface Identity {
  readonly cluster: string;
  readonly role: IdentityRole;
  readonly name: string;
}

/** Names of clusters and nodes: they appear in URIs, file names, environment files and certificates. */
export const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'is no name: 1 to 63 letters, digits, dots, dashes or underscores, the first and the last a letter or digit',
  );

const scheme = 'etcd-agent://';

/** `etcd-agent://<cluster>/<role>/<name>`; throws a RangeError where a part is not a name. */
export function identityUri({ cluster, role, name }: Identity): string {
  for (const part of [cluster, name]) {
    if (!nameSchema.safeParse(part).success) throw new RangeError(`${JSON.stringify(part)} is not a name`);
  }
  return `${scheme}${cluster}/${role}/${name}`;
}

/**
 * The identity among a certificate's SAN URIs. Exactly one URI of our scheme must be there: two would let a
 * holder choose who it is.
 */
export function identityOf(uris: readonly string[]): Identity | undefined {
  // A scheme has no case (RFC 3986 section 3.1), so another spelling counts as a second one; it is never the one we accept.
  const ours = uris.filter((uri) => uri.toLowerCase().startsWith(scheme));
  const [only, ...rest] = ours;
  if (only === undefined || rest.length > 0 || !only.startsWith(scheme)) return undefined;
  const [cluster, role, name, ...more] = only.slice(scheme.length).split('/');
  if (cluster === undefined || role === undefined || name === undefined || more.length > 0) return undefined;
  if (!nameSchema.safeParse(cluster).success || !nameSchema.safeParse(name).success) return undefined;
  const known = identityRoles.find((candidate) => candidate === role);
  return known === undefined ? undefined : { cluster, role: known, name };
}

/** The caller's role on an agent of `cluster`, or undefined where the certificate gives none. */
export function callerRole(identity: Identity | undefined, cluster: string): CallerRole | undefined {
  if (identity === undefined || identity.cluster !== cluster) return undefined;
  return identity.role === 'coordinator' ? 'coordinator' : 'peer';
}
