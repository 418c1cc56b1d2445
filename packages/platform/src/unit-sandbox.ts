/**
 * The sandbox of etcd.service, as a drop-in of its own: these are defaults, so it sorts before the drop-ins of operators,
 * while the start conditions (unit-file.ts) sort after them. Pure.
 */
import { isWithin } from './mounts.js';
import type { EtcdUnit } from './services.js';

export const sandboxFileName = '00-etcd-agent-sandbox.conf';

const head = [
  '# Written by etcd-agent, which replaces it. What you set in a drop-in of your own (systemctl edit etcd) wins over this.',
  '[Service]',
];

/** What holds wherever the data lies. */
const always = [
  'NoNewPrivileges=yes',
  'CapabilityBoundingSet=',
  '# Data and keys: for nobody else, not in a new file and not in a dump.',
  'UMask=0077',
  'LimitCORE=0',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  '# Not ProcSubset=pid: Go reads /proc/sys/net/core/somaxconn, and metrics /proc/stat.',
  'ProtectProc=invisible',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'MemoryDenyWriteExecute=yes',
  'KeyringMode=private',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
  '# What is forbidden, not what is allowed: an old systemd leaves out groups that it does not know.',
  'SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @privileged @raw-io @reboot @resources @swap',
];

/** Settings that close places, each left out where etcd's data lies in one of them. */
const closing = [
  { setting: 'ProtectSystem=full', places: ['/usr', '/boot', '/efi', '/etc'] },
  { setting: 'ProtectHome=yes', places: ['/home', '/root', '/run/user'] },
  { setting: 'PrivateTmp=yes', places: ['/tmp', '/var/tmp'] },
] as const;

/**
 * The drop-in. The rest of the file system stays as it is: the data dir is a directory, a mount point or a link to either,
 * comes and goes, and belongs to an account that can write little else. ProtectSystem=strict would have to name it.
 */
export function renderSandbox({ dataDir, walDir }: Pick<EtcdUnit, 'dataDir' | 'walDir'>): string {
  const data = walDir === undefined ? [dataDir] : [dataDir, walDir];
  const closed = closing.map(({ setting, places }) => {
    const place = places.find((each) => data.some((path) => isWithin(path, each)));
    return place === undefined ? setting : `# Not ${setting}: etcd's data lies under ${place}.`;
  });
  return [...head, ...closed, ...always, ''].join('\n');
}
