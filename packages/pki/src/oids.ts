/** Object identifiers of the name parts and extensions that this package writes and reads (RFC 5280). */

export const nameOids = {
  C: '2.5.4.6',
  ST: '2.5.4.8',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
} as const;

export const extensionOids = {
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  basicConstraints: '2.5.29.19',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  subjectAltName: '2.5.29.17',
} as const;

/** PKCS#9 extensionRequest, the attribute that carries extensions in a certificate request. */
export const extensionRequestOid = '1.2.840.113549.1.9.14';

/** GeneralName choices (RFC 5280, 4.2.1.6), by their context tag. */
export const generalNameTags = { email: 1, dns: 2, uri: 6, ip: 7 } as const;
