/**
 * A package of the agent that holds no program but runs the checkout's, so that a story can have it in any version at
 * once: its unit, and a restart of the agent when it is upgraded.
 */
import { chmodSync, copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { must } from './commands.js';
import type { Host } from './host.js';
import { checkout, checkoutInHost, runDir } from './places.js';

const control = (version: string) => `Package: etcd-agent
Version: ${version}
Architecture: amd64
Maintainer: etcd-agent <root@localhost>
Description: manages the etcd of this host
`;
/** While this is on a host, the package that is being installed gets no further than that. */
export const holdPackages = '/run/hold-packages';

const afterInstall = `#!/bin/sh
set -e
while [ -e ${holdPackages} ]; do sleep 0.1; done
systemctl daemon-reload
if [ -n "$2" ]; then systemctl try-restart etcd-agent.service; fi
`;
const program = `#!/bin/sh
exec /usr/bin/node ${checkoutInHost}/agent/bin/etcd-agent.js "$@"
`;

/** Its path. */
export async function smallDeb(version: string): Promise<string> {
  const tree = join(runDir, 'deb', version);
  const put = (path: string, text: string, mode: number) => {
    const file = join(tree, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  put('DEBIAN/control', control(version), 0o644);
  put('DEBIAN/postinst', afterInstall, 0o755);
  put('usr/bin/etcd-agent', program, 0o755);
  const unit = await must('cat', [join(checkout, 'agent', 'systemd', 'etcd-agent.service')]);
  put('lib/systemd/system/etcd-agent.service', unit, 0o644);
  const file = join(runDir, 'deb', `etcd-agent_${version}_amd64.deb`);
  await must('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, file]);
  rmSync(tree, { recursive: true });
  return file;
}

/** Makes the host have a repository of its own with this package, and forget every other. */
export async function putIntoRepository(host: Host, deb: string): Promise<void> {
  const [text, sums] = [await must('dpkg-deb', ['--field', deb]), await must('sha256sum', [deb])];
  const size = statSync(deb).size;
  const entry = `Filename: ./${basename(deb)}\nSize: ${size}\nSHA256: ${sums.split(' ')[0]}`;
  host.write('/srv/repository/Packages', `${text.trimEnd()}\n${entry}\n`);
  copyFileSync(deb, host.path(`/srv/repository/${basename(deb)}`));
  host.write('/etc/apt/sources.list', 'deb [trusted=yes] file:/srv/repository ./\n');
}
