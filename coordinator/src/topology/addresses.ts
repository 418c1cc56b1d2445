/** IP addresses in one spelling, so that they can be compared. */
import { isIPv6 } from 'node:net';

/** IPv6 as URLs spell it (RFC 5952), IPv4 unchanged. */
export function canonicalAddress(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
