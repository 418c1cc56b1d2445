/**
 * The lab's network: a bridge in a namespace of its own, a namespace per host, and no route out of any of them. Nothing
 * that is sent to these addresses leaves the namespaces.
 */
import { must, run } from './commands.js';
import {
  type Bay,
  fiveHostNames,
  type HostName,
  hostAddresses,
  labNamespace,
  namespaceOf,
  subnet,
} from './places.js';

export async function makeNetwork(): Promise<void> {
  const ip = (...args: string[]) => must('ip', args);
  await ip('netns', 'add', labNamespace);
  await ip('-n', labNamespace, 'link', 'set', 'lo', 'up');
  await ip('-n', labNamespace, 'link', 'add', 'br0', 'type', 'bridge');
  for (const address of [subnet.coordinator, subnet.application]) {
    await ip('-n', labNamespace, 'addr', 'add', `${address}/${subnet.bits}`, 'dev', 'br0');
  }
  await ip('-n', labNamespace, 'link', 'set', 'br0', 'up');
  for (const host of fiveHostNames) await addHost(host);
}

export async function giveAddress(host: HostName): Promise<void> {
  await must('ip', ['-n', namespaceOf(host), 'addr', 'add', onSubnet(host), 'dev', 'eth0']);
}

export async function takeAddress(host: HostName): Promise<void> {
  await must('ip', ['-n', namespaceOf(host), 'addr', 'delete', onSubnet(host), 'dev', 'eth0']);
}

function onSubnet(host: HostName): string {
  return `${hostAddresses[host]}/${subnet.bits}`;
}

/** The bridge's end of a host's cable. */
export function portOf(host: string): string {
  return `to-${host}`;
}

async function addHost(host: HostName): Promise<void> {
  const ip = (...args: string[]) => must('ip', args);
  const namespace = namespaceOf(host);
  await ip('netns', 'add', namespace);
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  const port = portOf(host);
  await ip(
    '-n',
    labNamespace,
    'link',
    'add',
    port,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    namespace,
  );
  await ip('-n', labNamespace, 'link', 'set', port, 'master', 'br0', 'up');
  await giveAddress(host);
  await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
}

/** Ends whatever runs in a lab's namespaces and removes them; nothing happens where there are none. */
export async function removeNetwork(of: Bay): Promise<void> {
  const there = new Set((await must('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0]));
  for (const namespace of [...fiveHostNames, 'bridge'].map((name) => namespaceOf(name, of))) {
    if (!there.has(namespace)) continue;
    const pids = (await run('ip', ['netns', 'pids', namespace])).stdout.split('\n').filter(Boolean);
    for (const pid of pids) endProcess(Number(pid));
    await must('ip', ['netns', 'delete', namespace]);
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went with its host's first process.
  }
}
