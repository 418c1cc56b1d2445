/**
 * cfssl's `hosts`: one list in which an entry is a DNS name, an IP address or a mail address, sorted here into the
 * subject alternative names of a certificate. URIs come in a list of their own: the `hosts` of cfssl 1.2 has none.
 */
import { formatIp, looksLikeIp, parseIp } from './ip-address.js';
import { type Problem, throwProblems } from './pki-error.js';

/** Subject alternative names by type, each in the order given. `ips` are in canonical text. */
export interface SubjectAltNames {
  readonly dns: readonly string[];
  readonly emails: readonly string[];
  readonly ips: readonly string[];
  readonly uris: readonly string[];
}

/** One entry of `hosts`, understood. */
export type Host =
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'email'; readonly name: string }
  | { readonly kind: 'ip'; readonly name: string }
  | { readonly kind: 'bad'; readonly message: string };

const nameCharactersMax = 253;
const uriCharactersMax = 1024;

/**
 * Sorts hosts and URIs into alternative names, repeated entries once. Throws PkiError `badHost` or `badUri` that
 * lists every bad entry with its index.
 */
export function sortHosts(hosts: readonly string[], uris: readonly string[]): SubjectAltNames {
  throwProblems('badHost', 'bad hosts', hostProblems(hosts));
  throwProblems('badUri', 'bad URIs', uriProblems(uris));
  const sorted = hosts.map(readHost);
  const namesOf = (kind: Host['kind']) =>
    unique(sorted.flatMap((host) => (host.kind === kind && host.kind !== 'bad' ? [host.name] : [])));
  return { dns: namesOf('dns'), emails: namesOf('email'), ips: namesOf('ip'), uris: unique(uris) };
}

/** Everything wrong with a list of hosts; `path` is `hosts[2]`. */
export function hostProblems(hosts: readonly string[]): Problem[] {
  return hosts.flatMap((text, index) => {
    const host = readHost(text);
    return host.kind === 'bad' ? [{ path: `hosts[${index}]`, message: host.message }] : [];
  });
}

/** What one entry of `hosts` is. Anything that looks like an IP address but is none is bad, never a DNS name. */
export function readHost(text: string): Host {
  const bad = (message: string): Host => ({
    kind: 'bad',
    message: `${JSON.stringify(text.slice(0, 80))} ${message}`,
  });
  const ip = parseIp(text);
  if (ip !== undefined) return { kind: 'ip', name: formatIp(ip) };
  if (text === '') return bad('is empty');
  if (/[^\x21-\x7e]/.test(text)) {
    return bad('has a space or a non-ASCII character; write an international name in its xn-- form');
  }
  if (text.includes('/')) return bad('is a URL or a network; hosts are plain names and addresses');
  if (/^[^@]+@[^@]+$/.test(text)) return readEmail(text) ?? bad('is not a mail address');
  if (looksLikeIp(text)) {
    return /^[^:]+:\d+$/.test(text) || text.includes(']')
      ? bad('has brackets or a port; write the name or address alone')
      : bad('looks like an IP address but is not a valid one');
  }
  if (text.length > nameCharactersMax) return bad(`is longer than ${nameCharactersMax} characters`);
  return isDnsName(text) ? { kind: 'dns', name: text } : bad('is neither a DNS name nor an IP address');
}

/** Letters, digits, hyphens and the underscore that Go tolerates; `*` only as the whole first label. */
function isDnsName(text: string): boolean {
  const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
  return new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`).test(text);
}

function readEmail(text: string): Host | undefined {
  const [local = '', domain = ''] = text.split('@');
  const good = /^[A-Za-z0-9!#$%&'*+=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+=?^_`{|}~-]+)*$/.test(local);
  return good && local.length <= 64 && isDnsName(domain) && !looksLikeIp(domain) && !domain.startsWith('*')
    ? { kind: 'email', name: text }
    : undefined;
}

function uriProblems(uris: readonly string[]): Problem[] {
  return uris.flatMap((uri, index) => {
    const good = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/.test(uri) && URL.canParse(uri);
    const path = `uris[${index}]`;
    if (!good)
      return [
        { path, message: `${JSON.stringify(uri.slice(0, 80))} is not an absolute URI in printable ASCII` },
      ];
    return uri.length > uriCharactersMax
      ? [{ path, message: `is longer than ${uriCharactersMax} characters` }]
      : [];
  });
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
