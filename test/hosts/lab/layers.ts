/**
 * What hosts have over the distribution, as layers of their root file systems: made once, and kept under a name that
 * follows from what is in them.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { must } from './commands.js';
import { agentPackage } from './packages.js';
import { cache, runDir } from './places.js';

/**
 * `agent`: the package etcd-agent, installed as `apt install` leaves it. `dnf`: rpm, dnf and createrepo-c of this very Debian,
 * and no package installed with them.
 */
export type LayerName = 'agent' | 'dnf';

export interface Layer {
  readonly name: LayerName;
  /** Follows from what is in it. */
  readonly key: string;
  /** Changes the root file system at `root`, a place to `chroot` to. */
  make(root: string): Promise<void>;
}

/** Half a minute, and more where others use the mirror too. */
const installMsMax = 300_000;

/** The root file systems to lay over each other, the uppermost first, as overlayfs wants them. */
export async function layered(root: string, names: readonly LayerName[]): Promise<string> {
  let below = root;
  for (const name of names) {
    const layer = await layers[name]();
    below = `${await layerOver(below, layer)}:${below}`;
  }
  return below;
}

const layers: Readonly<Record<LayerName, () => Promise<Layer>>> = {
  agent: async () => {
    const { deb } = await agentPackage();
    return {
      name: 'agent',
      key: createHash('sha256').update(readFileSync(deb)).digest('hex'),
      async make(root) {
        const inHost = join('/var/tmp', basename(deb));
        copyFileSync(deb, join(root, inHost));
        await must('chroot', [root, 'dpkg', '-i', inHost], { timeoutMs: installMsMax });
        rmSync(join(root, inHost));
      },
    };
  },
  dnf: async () => {
    const packages = ['rpm', 'dnf', 'createrepo-c'];
    return {
      name: 'dnf',
      key: JSON.stringify(packages),
      async make(root) {
        // This machine's apt fetches, from the archive that the root file system names; its dpkg installs.
        const apt = [`-oDir=${root}`, `-oDPkg::Chroot-Directory=${root}`, '-oAPT::Sandbox::User=root'];
        const timeoutMs = installMsMax;
        await must('apt-get', [...apt, 'update', '-q'], { timeoutMs });
        await must('apt-get', [...apt, 'install', '-y', '-q', '--no-install-recommends', ...packages], {
          timeoutMs,
        });
        for (const waste of ['var/cache/apt/archives', 'var/lib/apt/lists']) {
          rmSync(join(root, waste), { recursive: true, force: true });
          mkdirSync(join(root, waste, 'partial'), { recursive: true });
        }
      },
    };
  },
};

/** Path of the layer; it is made where it is not there yet, and takes the place of one of its name that was over the same. */
async function layerOver(below: string, { name, key, make }: Layer): Promise<string> {
  const digest = createHash('sha256').update(`${below}\n${key}`).digest('hex').slice(0, 12);
  const layer = join(cache, `layer-${name}-${digest}`);
  if (existsSync(layer)) return layer;
  // One that hosts of another bay run on stays.
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  for (const old of readdirSync(cache).filter((each) => each.startsWith(`layer-${name}-`))) {
    if (!mounts.includes(join(cache, old))) rmSync(join(cache, old), { recursive: true, force: true });
  }
  const half = join(runDir, `making-${name}`);
  const part = (of: string) => join(half, of);
  for (const each of ['upper', 'work', 'root']) mkdirSync(part(each), { recursive: true });
  const options = `lowerdir=${below},upperdir=${part('upper')},workdir=${part('work')}`;
  await must('mount', ['-t', 'overlay', 'overlay', '-o', options, part('root')]);
  try {
    await make(part('root'));
  } finally {
    await must('umount', [part('root')]);
  }
  renameSync(part('upper'), layer);
  rmSync(half, { recursive: true, force: true });
  return layer;
}
