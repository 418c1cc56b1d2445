// The two packages, as data: what they are called, what they say of themselves, what they need, and the files that are not
// made from the program.

const agent = {
  name: 'etcd-agent',
  program: 'agent',
  command: 'etcd-agent',
  summary: 'Manages the etcd of this host',
  description: [
    'A resident agent that owns the etcd of its host: configuration, certificates,',
    'data directory, service. Agents of a cluster repair their members by',
    'themselves; the coordinator (package etcd-coordinator) brings them together',
    'once. Installing it enables and starts nothing, and no etcd comes with it.',
    'It brings the Node.js runtime that it needs.',
  ],
  manual: {
    section: 8,
    files: [
      ['/etc/etcd-agent/agent.yaml', 'configuration; every setting is in it, commented out'],
      ['/var/lib/etcd-agent', 'identity, keys, and what the agent remembers'],
      ['/etc/etcd', 'etcd.conf and the certificates of etcd, written by the agent'],
      ['/etc/systemd/system/etcd.service.d/zz-etcd-agent.conf', 'how etcd is started, written by the agent'],
    ],
    seeAlso: ['coordinator(1)', 'systemctl(1)', 'etcd(1)'],
    exitCodes: [
      ['0', 'done'],
      ['1', 'it failed; the last lines say why'],
      ['2', 'the command line or the configuration cannot be used'],
    ],
  },
  /** Of this checkout, and where they go. */
  files: [
    { from: 'agent/systemd/etcd-agent.service', path: '/usr/lib/systemd/system/etcd-agent.service' },
    { from: 'packaging/etcd-agent/sysusers.conf', path: '/usr/lib/sysusers.d/etcd-agent.conf' },
    { from: 'packaging/etcd-agent/tmpfiles.conf', path: '/usr/lib/tmpfiles.d/etcd-agent.conf' },
    { from: 'packaging/etcd-agent/agent.yaml', path: '/etc/etcd-agent/agent.yaml', configuration: true },
  ],
  // An agent starts once and then looks at a few files every two seconds: code compiled for speed and a nursery that has
  // grown for the start never pay back. Memory and CPU are a quarter less without.
  nodeFlags: ['--no-opt', '--semi-space-growth-factor=1'],
  scripts: {
    deb: ['postinst', 'prerm', 'postrm'],
    rpm: ['post', 'preun', 'postun', 'posttrans'],
  },
  needsSystemd: true,
};

const coordinator = {
  name: 'etcd-coordinator',
  program: 'coordinator',
  command: 'coordinator',
  summary: 'Bootstraps and watches etcd clusters',
  description: [
    'The command coordinator makes an etcd cluster of hosts that run etcd-agent:',
    'it holds the certificate authorities, checks the hosts, starts the members',
    'together, and shows afterwards how they are and what their agents do.',
    'It brings the Node.js runtime that it needs.',
  ],
  manual: {
    section: 1,
    files: [
      [
        '/var/lib/etcd-coordinator',
        'where root keeps the keys of the authorities, the topology, the audit log',
      ],
      ['~/.local/state/etcd-coordinator', 'the same for other users'],
    ],
    seeAlso: ['etcd-agent(8)', 'etcdctl(1)'],
    exitCodes: [
      ['0', 'done'],
      ['1', 'failed'],
      ['2', 'the command line cannot be used'],
      ['3', 'degraded but quorate'],
      ['4', 'no quorum'],
      ['5', 'unreachable'],
      ['6', 'refused by a safety gate'],
      ['7', 'certificate or identity'],
      ['130', 'interrupted'],
    ],
  },
  files: [],
  // A command runs for a second or two; what it compiles for speed never pays back.
  nodeFlags: ['--no-opt'],
  scripts: { deb: ['prerm'], rpm: ['postun'] },
  needsSystemd: false,
};

export const packages = [agent, coordinator];

/** Where a package has its program on a host. */
export function folderOf({ name }) {
  return `/usr/lib/${name}`;
}
