/**
 * README.md, "On real hosts", replayed on bare hosts from its own code blocks, line by line as they stand there. What a reader
 * does beside them is done here as the text says it: the packages are put on the first host, the topology is edited.
 */
import { copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { agentPackage, coordinatorPackage } from './lab/packages.js';
import { checkout, hostNames } from './lab/places.js';
import { story } from './lab/story.js';

const section = readFileSync(join(checkout, 'README.md'), 'utf8')
  .split(/^## /m)
  .find((text) => text.startsWith('On real hosts'))!;
const blocks = [...section.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
/** They wait for disks, elections and packages, one of which may have to be made; on a busy machine for each other, too. */
const blockMsMax = 240_000;

await story(() => {}, tell, { equip: () => ({ layers: [], checkout: 'no' }) });

function tell(lab: Lab): void {
  const [first] = lab.hosts as [Host];

  test('the section has the packages, the topology, and the commands that make the cluster', () => {
    expect(blocks).toHaveLength(3);
    expect(blocks[0]).toContain('npm run package');
    expect(blocks[1]).toContain('coordinator template');
    expect(blocks[2]).toContain('coordinator bootstrap');
  });

  test('the hosts are bare: no Node, no agent, no etcd that runs', async () => {
    for (const host of lab.hosts) {
      expect((await host.run('sh', '-c', 'command -v node etcd-agent coordinator')).stdout).toBe('');
      expect((await host.run('systemctl', 'is-active', 'etcd')).stdout.trim()).toBe('inactive');
    }
  });

  test('the operator of the first host has the packages there, and ssh to all of them', async () => {
    const { deb } = await agentPackage();
    for (const file of [deb, await coordinatorPackage()]) {
      copyFileSync(file, first.path(join('/root', basename(file))));
    }
    await first.must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/.ssh/id_ed25519');
    const key = await first.must('cat', '/root/.ssh/id_ed25519.pub');
    for (const host of lab.hosts) {
      const letIn =
        'mkdir -p -m 700 /root/.ssh && echo "$1" >> /root/.ssh/authorized_keys; ssh-keygen -q -A; systemctl start ssh';
      await host.must('sh', '-c', letIn, 'sh', key);
      const hostKey = await host.must('cat', '/etc/ssh/ssh_host_ed25519_key.pub');
      await first.must('sh', '-c', 'echo "$1" >> /root/.ssh/known_hosts', 'sh', `${host.address} ${hostKey}`);
    }
  });

  test('the coordinator is installed there and prints a topology, which is that of these hosts', async () => {
    await replay(first, blocks[1]!);
    // An operator may choose; RSA of 4096 bits would take this machine a minute.
    const edit = 's/key: { algo: rsa, size: 4096 }/key: { algo: ecdsa, size: 256 }/';
    await first.must('sed', '-i', edit, '/root/cluster.yaml');
    expect(await first.must('cat', '/root/cluster.yaml')).toContain('ecdsa, size: 256 }');
  });

  test('the commands end with a healthy cluster, as they say', async () => {
    const shown = await replay(first, blocks[2]!);
    for (const { address } of lab.hosts) expect(shown).toContain(`https://${address}:2379 is healthy`);
    const { stdout } = await first.run('coordinator', 'status', '-o', 'json');
    const { members } = JSON.parse(stdout) as { members: { name: string; health: string }[] };
    expect(members.map(({ name, health }) => `${name} ${health}`).sort()).toEqual(
      hostNames.map((name) => `${name} healthy`),
    );
  });

  test('and the cluster is back by itself after the power of every host was cut', async () => {
    await Promise.all(lab.hosts.map((host) => host.powerCut()));
    await Promise.all(lab.hosts.map((host) => host.boot()));
    await first.must(
      'sh',
      '-c',
      'for i in $(seq 60); do coordinator status >/dev/null 2>&1 && exit 0; sleep 1; done; coordinator status',
    );
  });

  test('a purge of the coordinator leaves the keys of the CAs, and says so', async () => {
    const keys = 'sha256sum /var/lib/etcd-coordinator/ca/*';
    const before = await first.must('sh', '-c', keys);
    const said = await first.must('apt-get', 'purge', '-y', '-q', 'etcd-coordinator');
    expect(said).toContain('Left: /var/lib/etcd-coordinator, with the keys of the CAs');
    expect((await first.run('sh', '-c', 'command -v coordinator')).stdout).toBe('');
    expect(await first.must('sh', '-c', keys)).toBe(before);
  });
}

/** Types a block at a terminal of the host, in root's home, and answers the one question with y. Returns what was shown. */
async function replay(host: Host, block: string): Promise<string> {
  host.write('/root/block.sh', `cd /root\nset -e -o pipefail\n${block}`);
  const output = await host.runWith(
    { input: 'y\n', timeoutMs: blockMsMax },
    'script',
    '-qefc',
    'bash /root/block.sh',
    '/dev/null',
  );
  expect(output.code, output.stdout).toBe(0);
  return output.stdout;
}
