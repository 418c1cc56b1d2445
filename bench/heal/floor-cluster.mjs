// The floor: three etcds with the product's own settings and certificates, started by this script, which also repairs
// them by hand. It knows at once what is wrong, and looks at nothing twice.
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { floorFrom } from '../bootstrap/floor.mjs';
import { end, start } from '../bootstrap/owned-processes.mjs';
import { freePorts } from '../bootstrap/ports.mjs';
import { EtcdCalls } from './etcd-calls.mjs';
import { until } from './watching.mjs';

/** A call sent while nobody leads is never answered: the sooner it is sent again, the lower the floor. */
const callMsMax = 300;

/** The settings of a cluster of the product, to start plain etcds with. */
export function floorModel(cluster) {
  return floorFrom(cluster).map((member) => {
    const pem = (name) => readFileSync(join(member.etc, name));
    return {
      ...member,
      peerURL: member.values.ETCD_INITIAL_ADVERTISE_PEER_URLS,
      tls: { ca: pem('etcd-root-ca.pem'), cert: pem('etcd.pem'), key: pem('etcd-key.pem') },
    };
  });
}

export class FloorCluster {
  /** On ports of its own: others may have taken the model's since. */
  static async make(model, options) {
    const ports = await freePorts(model.length * 2);
    const changes = model.flatMap(({ clientPort, peerPort }, index) => [
      [`:${clientPort}`, `:${ports[index * 2]}`],
      [`:${peerPort}`, `:${ports[index * 2 + 1]}`],
    ]);
    const moved = (text) => changes.reduce((each, [from, to]) => each.replaceAll(from, to), text);
    const members = model.map((member, index) => ({
      ...member,
      clientPort: ports[index * 2],
      peerURL: moved(member.peerURL),
      values: Object.fromEntries(Object.entries(member.values).map(([key, value]) => [key, moved(value)])),
    }));
    return new FloorCluster(members, options);
  }

  constructor(model, { dir, etcd }) {
    this.dir = dir;
    this.etcd = etcd;
    this.model = model;
    this.endpoints = model.map(({ name, clientPort, tls }) => new EtcdCalls({ name, port: clientPort, tls }));
    this.children = [];
  }

  start() {
    mkdirSync(this.dir, { recursive: true });
    for (const index of this.model.keys())
      this.#start(index, { ETCD_INITIAL_CLUSTER_STATE: 'new', ETCD_INITIAL_CLUSTER_TOKEN: this.dir });
  }

  /** SIGKILL; with `wipe`, its data is gone in the same instant. */
  break(index, { wipe }) {
    this.children[index].kill('SIGKILL');
    if (wipe) renameSync(this.#dataDir(index), `${this.#dataDir(index)}.gone`);
  }

  async restart(index) {
    await this.#ended(index);
    this.#start(index, { ETCD_INITIAL_CLUSTER_STATE: 'existing' });
  }

  /** Out and in again. Learner first where etcd knows learners. Calls `note` with each step as it is done. */
  async repair(index, formerId, { learners, ms, note }) {
    const others = this.endpoints.filter((_, each) => each !== index);
    const { peerURL, name } = this.model[index];
    let turn = 0;
    const another = () => others[turn++ % others.length];
    await until('the old entry is removed', ms, async () => {
      const other = another();
      // An answer may have been lost: what counts is the list.
      await other.removeMember(formerId, callMsMax).catch(() => {});
      return (await other.members(callMsMax)).every(({ id }) => id !== formerId);
    });
    note('removed');
    const { member, members } = await until('a new entry is added', ms, () =>
      another().addMember(peerURL, learners, callMsMax),
    );
    note('added');
    await this.#ended(index);
    const nameOf = (url) => this.model.find((each) => each.peerURL === url).name;
    this.#start(index, {
      ETCD_INITIAL_CLUSTER_STATE: 'existing',
      ETCD_INITIAL_CLUSTER: members.map((each) => `${nameOf(each.peerURL)}=${each.peerURL}`).join(','),
      ETCD_NAME: name,
    });
    note('started');
    if (!learners) return;
    await until('the learner is promoted', ms, async () => {
      await another().promoteMember(member.id, callMsMax);
      return true;
    });
    note('promoted');
  }

  async stop() {
    for (const endpoint of this.endpoints) endpoint.close();
    await end(
      this.children.map(({ pid }) => pid),
      'SIGKILL',
    );
  }

  // What was killed lets go of its ports and its files when it has ended.
  async #ended(index) {
    const child = this.children[index];
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  #dataDir(index) {
    return join(this.dir, this.model[index].name);
  }

  #start(index, changes) {
    const { name, values } = this.model[index];
    const log = openSync(join(this.dir, `${name}.log`), 'a');
    const env = { PATH: process.env.PATH, ...values, ETCD_DATA_DIR: this.#dataDir(index), ...changes };
    this.children[index] = start(this.etcd, [], { stdio: ['ignore', log, log], env, cwd: '/' });
  }
}
