// The floor: the same etcd with what the product rendered, started by hand. Nothing is made, checked or written down on the way.
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stepMsMax } from './arguments.mjs';
import { end, start } from './owned-processes.mjs';
import { writeThrough } from './write-through.mjs';

/** The etcd.conf files of a cluster of the product, as environments for a new cluster of the same shape. */
export function floorFrom({ nodes }) {
  return nodes.map(({ dir, name, clientPort, peerPort }) => {
    const text = readFileSync(join(dir, 'etc/etcd.conf'), 'utf8');
    const values = Object.fromEntries(
      [...text.matchAll(/^(ETCD_[A-Z_]+)="(.*)"$/gm)].map(([, key, value]) => [key, value]),
    );
    return { name, clientPort, peerPort, etc: join(dir, 'etc'), values };
  });
}

/** Milliseconds from the start of the three etcds to the last first write through one of them. Stops them again. */
export async function runFloor(members, { dir, etcd }) {
  mkdirSync(dir, { recursive: true });
  const read = ({ etc }, name) => readFileSync(join(etc, name));
  const targets = members.map((member) => ({
    host: '127.0.0.1',
    port: member.clientPort,
    ca: read(member, 'etcd-root-ca.pem'),
    cert: read(member, 'etcd.pem'),
    key: read(member, 'etcd-key.pem'),
  }));
  const began = performance.now();
  const children = members.map(({ name, values }) => {
    const log = openSync(join(dir, `${name}.log`), 'a');
    const changed = {
      ETCD_DATA_DIR: join(dir, name),
      ETCD_INITIAL_CLUSTER_STATE: 'new',
      ETCD_INITIAL_CLUSTER_TOKEN: `floor-${dir}`,
    };
    const env = { PATH: process.env.PATH, ...values, ...changed };
    return start(etcd, [], { stdio: ['ignore', log, log], env, cwd: '/' });
  });
  await Promise.all(targets.map((target) => writeThrough(target, stepMsMax)));
  const ms = performance.now() - began;
  await end(
    children.map(({ pid }) => pid),
    'SIGKILL',
  );
  return ms;
}
