/**
 * What the CAs and certificates of a cluster look like: from the topology's `pki:`, from cfssl files, or from the
 * runbook's defaults. Pure.
 */
import {
  type ConfigJson,
  type CsrJson,
  type KeyRequest,
  PkiError,
  parseExpiry,
  type Subject,
  type SubjectName,
  type Usage,
} from '@etcd-agent/pki';
import type { Path } from '@etcd-agent/strict-yaml';
import type { TopologyFile } from './schema.js';

/** cfssl's own files, where the topology names them. */
export interface CfsslFiles {
  readonly caCsr?: CsrJson;
  readonly csr?: CsrJson;
  readonly config?: ConfigJson;
}

export interface PkiSettings {
  readonly ca: { readonly subject: Subject; readonly key: KeyRequest; readonly expiry: string };
  readonly leaf: {
    readonly names: readonly SubjectName[];
    readonly CN: string;
    readonly key: KeyRequest;
    readonly expiry: string;
    readonly usages: readonly Usage[];
  };
}

/** The runbook's values. */
const defaults = {
  key: { algo: 'rsa', size: 4096 } as const,
  names: [{ C: 'CN', ST: 'Beijing', L: 'Beijing', O: 'etcd', OU: 'etcd Security' }],
  expiry: '87600h',
  usages: ['signing', 'key encipherment', 'server auth', 'client auth'] as const,
  caCN: 'etcd-root-ca',
  leafCN: 'etcd',
};

/** etcd dials its peers, and checks its own gateway, with the server's certificate: both usages are needed. */
const usagesNeeded = ['server auth', 'client auth'] as const;

export interface PkiReading {
  readonly settings: PkiSettings;
  readonly problems: readonly { path: Path; message: string }[];
  warnings(topology: TopologyFile): string[];
}

export function pkiSettings(pki: TopologyFile['pki'], files: CfsslFiles): PkiReading {
  const problems: { path: Path; message: string }[] = [];
  const profile = files.config?.default;
  const expiry = profile?.expiry ?? pki.expiry ?? defaults.expiry;
  const usages = profile?.usages ?? defaults.usages;
  const missing = usagesNeeded.filter((usage) => !usages.includes(usage));
  if (missing.length > 0) {
    const message = `its default profile lacks ${missing.map((usage) => `"${usage}"`).join(' and ')}: etcd needs both`;
    problems.push({ path: ['pki', 'config'], message });
  }
  try {
    parseExpiry(expiry);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    problems.push({ path: ['pki', 'expiry'], message: error.message });
  }
  const key = pki.key ?? defaults.key;
  const names = (pki.names ?? defaults.names) as readonly SubjectName[];
  const settings: PkiSettings = {
    ca: {
      subject: files.caCsr ?? { CN: defaults.caCN, names },
      key: files.caCsr?.key ?? key,
      // cfssl would let a CA of five years sign leaves of ten. Ours live as long as what they sign.
      expiry,
    },
    leaf: {
      CN: files.csr?.CN || defaults.leafCN,
      names: files.csr?.names ?? names,
      key: files.csr?.key ?? key,
      expiry,
      usages,
    },
  };
  return { settings, problems, warnings: (topology) => hostWarnings(topology, files) };
}

// The product takes hosts from the nodes, not from the file: say so where the two differ.
function hostWarnings(topology: TopologyFile, { csr }: CfsslFiles): string[] {
  if (csr === undefined) return [];
  const ours = new Set([
    '127.0.0.1',
    'localhost',
    ...topology.nodes.flatMap((node) => [node.address, ...(node.dns ?? [])]),
  ]);
  const extra = csr.hosts.filter((host) => !ours.has(host));
  return extra.length === 0
    ? []
    : [
        `hosts of ${topology.pki.csr} that no node has are not certified: ${extra.join(', ')} (add them as dns of a node)`,
      ];
}
