/** The operator's file with another quota in it; everything else, comments too, stays as it was written. Pure. */
import { parseDocument } from 'yaml';
import type { Topology } from './read.js';

export function withQuota(
  topology: Topology,
  text: string,
  quotaBackendBytes: number,
): { readonly text: string; readonly topology: Topology } {
  const document = parseDocument(text);
  document.setIn(['etcd', 'quotaBackendBytes'], quotaBackendBytes);
  return {
    text: document.toString({ lineWidth: 0 }),
    topology: { ...topology, etcd: { ...topology.etcd, quotaBackendBytes } },
  };
}
