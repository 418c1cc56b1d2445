/**
 * One simulated host: disk, service manager, machine, and whichever agent process runs on it now. Agents come and go,
 * and with a power cut everything but the disk does.
 */
import type { EtcdAdmin } from '@etcd-agent/etcd';
import type { AgentMethods, MemberSpec, Params, ResultOf } from '@etcd-agent/protocol';
import type {
  AgentCore,
  AgentHost,
  CallContext,
  Caretaker,
  DataDirOrder,
  HealParts,
  StoredIdentity,
} from './agent-core.js';
import type { SimChance } from './chance.js';
import type { SimClock } from './clock.js';
import type { EtcdSnapshot } from './etcd-disk.js';
import type { EtcdModel } from './etcd-model.js';
import { restoredDisk } from './etcd-restore.js';
import type { SimNetwork } from './network.js';
import { SimDisk } from './sim-disk.js';
import { type Fate, type FileChange, simFiles } from './sim-files.js';
import type { NodeIdentity } from './sim-identities.js';
import type { SimLog } from './sim-log.js';
import { type MachineState, simMachine } from './sim-machine.js';
import { type Listening, simPeers } from './sim-peers.js';
import { SimProcess } from './sim-process.js';
import { type ServiceFlavour, SimService } from './sim-services.js';

/** What an agent does, told just before it takes effect. An agent that is killed at that moment has not done it. */
export type AgentAction =
  | { readonly kind: 'stopEtcd' | 'startEtcd' }
  | { readonly kind: 'file'; readonly change: FileChange }
  | {
      readonly kind: 'memberAdd' | 'memberRemove' | 'memberPromote' | 'moveLeader' | 'disarm';
      readonly what: string;
    };

export interface HostOutside {
  readonly node: string;
  readonly address: string;
  readonly core: AgentCore;
  readonly clock: SimClock;
  readonly chance: SimChance;
  readonly network: SimNetwork;
  readonly etcd: EtcdModel;
  readonly log: SimLog;
  readonly identity: NodeIdentity;
  /** Parts of healing that a test has replaced. */
  readonly parts: HealParts;
  readonly flavour: ServiceFlavour;
  readonly listening: (node: string) => Listening | 'refused' | 'noPower';
  /** A snapshot that every host has, by its SHA-256. */
  readonly snapshot: (sha256: string) => EtcdSnapshot | undefined;
  readonly onAction: (node: string, action: AgentAction) => void;
}

interface RunningAgent {
  readonly process: SimProcess;
  readonly host: AgentHost;
  caretaker: Caretaker | undefined;
  /** Steps of an operation that it is carrying out. */
  operating: number;
}

/** Whoever restarts the agent waits this long, and so does a host until it runs its first program. */
const agentRestartMs = 1_000;
const bootMs = 5_000;
/** How long etcd's program takes to make a data dir of a snapshot. */
const restoreMsMax = 400;

export class SimHost {
  readonly disk = new SimDisk();
  readonly service: SimService;
  readonly machine: MachineState;
  readonly config: AgentHost['config'];
  readonly paths: AgentHost['paths'];
  readonly identity: StoredIdentity;
  powered = true;
  /** What becomes of a change in which the agent ends; undefined: chance decides. */
  fate: Fate | undefined;
  #agent: RunningAgent | undefined;
  /** Rises with everything that makes a planned start of an agent obsolete. */
  #epoch = 0;

  constructor(private readonly outside: HostOutside) {
    const { node, address, core, chance, clock, etcd, identity } = outside;
    this.config = core.configSchema.parse({ etcdUser: '', serviceManager: outside.flavour });
    this.paths = core.pathsOf(this.config);
    this.machine = { bootId: chance.uuid(), addresses: [address, '127.0.0.1'], ioPressure: 0 };
    this.service = new SimService({
      node,
      flavour: outside.flavour,
      clock,
      chance: chance.stream('service'),
      disk: this.disk,
      etcd,
      bootId: () => this.machine.bootId,
      onAgentStop: () => outside.onAction(node, { kind: 'stopEtcd' }),
      onAgentStart: () => outside.onAction(node, { kind: 'startEtcd' }),
    });
    this.identity = {
      cluster: 'sim',
      node,
      agentCa: identity.agentCa,
      certificate: identity.agent.certificate,
      key: identity.agent.key,
      tokenId: chance.uuid(),
    };
    this.#install();
  }

  get agent(): RunningAgent | undefined {
    return this.#agent;
  }

  get node(): string {
    return this.outside.node;
  }

  /** What stands on the agent port. */
  listening(): Listening | 'refused' | 'noPower' {
    if (!this.powered) return 'noPower';
    const { process, caretaker } = this.#agent ?? {};
    if (process === undefined || process.dead || caretaker === undefined) return 'refused';
    return { process, peerView: () => this.outside.core.peerView(this.node, caretaker.healer) };
  }

  /** What its agent has been told, as it is on the disk. */
  spec(): MemberSpec | undefined {
    const entry = this.disk.entry(this.paths.spec);
    return entry?.kind === 'file' ? specIn(entry.content) : undefined;
  }

  /** Its agent is in the middle of a step that an operation asked for. */
  get operates(): boolean {
    return (this.#agent?.operating ?? 0) > 0;
  }

  /** What its agent answers a coordinator, by the agent's own code. */
  async answer<M extends keyof AgentMethods>(
    method: M,
    params: Params<AgentMethods, M>,
  ): Promise<ResultOf<AgentMethods, M>> {
    const agent = this.#agent;
    if (agent?.caretaker === undefined) throw new Error('it has not begun to listen');
    const { host, caretaker } = agent;
    // What those methods use that an operation calls.
    const context = {
      host,
      caretaker,
      identity: this.identity,
      self: { node: this.node, version: 'simulated', startedAt: host.clock.now() },
      caller: { name: 'operator', role: 'coordinator' },
      snapshots: { restore: (sha256: string, order: DataDirOrder) => this.#restore(host, sha256, order) },
      onSpec: () => caretaker.healer.wake(),
    } as unknown as CallContext;
    const handle = this.outside.core.handlers[method] as (
      params: Params<AgentMethods, M>,
      context: CallContext,
    ) => Promise<ResultOf<AgentMethods, M>>;
    const isStep = method.startsWith('operation.');
    if (isStep) agent.operating += 1;
    try {
      return await handle(params, context);
    } finally {
      if (isStep) agent.operating -= 1;
    }
  }

  /** Applies a spec and starts etcd, as a bootstrap does, by an agent that is there for this alone. */
  async bootstrap(spec: MemberSpec): Promise<void> {
    const { core } = this.outside;
    const host = this.#hostFor(new SimProcess(`${this.node}/bootstrap`));
    await host.store.prepare();
    await host.store.keepIdentity(this.identity);
    await core.applySpec(host, this.identity, spec);
    await core.startEtcd(host, spec.cluster.bootstrapId);
  }

  /** Installs the host anew: its disk is empty, but for what enrolment and the spec leave. It is without power meanwhile. */
  async reinstall(spec: MemberSpec, forMs: number): Promise<void> {
    this.powerCut(forMs);
    for (const name of ['var', 'etc', 'run']) this.disk.unlink(`/${name}`);
    this.#install();
    const host = this.#hostFor(new SimProcess(`${this.node}/installer`));
    await host.store.prepare();
    await host.store.keepIdentity(this.identity);
    await this.outside.core.applySpec(host, this.identity, spec);
    await host.services.disable();
  }

  startAgent(): void {
    if (!this.powered || this.#agent !== undefined) return;
    const process = new SimProcess(`${this.node}/agent`);
    const host = this.#hostFor(process);
    const agent: RunningAgent = { process, host, caretaker: undefined, operating: 0 };
    this.#agent = agent;
    this.outside.log.add(this.node, 'agent starts');
    void this.#run(agent).catch((error: unknown) => {
      if (process.dead) return;
      this.outside.log.add(this.node, `agent ends: ${(error as Error).stack}`);
      process.kill();
      this.#agent = undefined;
      this.#startAgentLater(agentRestartMs);
    });
  }

  killAgent(forMs: number): void {
    this.#agent?.process.kill();
    this.#agent = undefined;
    this.#startAgentLater(forMs);
  }

  stopAgent(forMs: number): void {
    const process = this.#agent?.process;
    if (process === undefined) return;
    process.stop();
    this.outside.clock.after(forMs, () => process.resume());
  }

  powerCut(forMs: number): void {
    if (!this.powered) return;
    this.powered = false;
    this.#epoch += 1;
    this.#agent?.process.kill();
    this.#agent = undefined;
    this.service.powerCut();
    this.outside.clock.after(forMs, () => this.#boot());
  }

  #boot(): void {
    const { chance, log } = this.outside;
    this.powered = true;
    this.machine.bootId = chance.uuid();
    this.disk.unlink('/run');
    this.disk.makeDirectory('/run', 0o755);
    log.add(this.node, 'host boots');
    this.service.boot();
    this.#startAgentLater(chance.between(agentRestartMs, bootMs));
  }

  #startAgentLater(ms: number): void {
    this.#epoch += 1;
    const epoch = this.#epoch;
    this.outside.clock.after(ms, () => {
      if (epoch === this.#epoch) this.startAgent();
    });
  }

  async #run(agent: RunningAgent): Promise<void> {
    const { core, parts } = this.outside;
    const { host } = agent;
    // As the daemon does before it starts its caretaker.
    await host.store.prepare();
    await host.files.remove(host.paths.permit);
    agent.caretaker = await core.startCaretaker(host, () => this.identity, parts);
  }

  /** As the agent has etcd's own program do it: under another name, which is changed when all of it is there. */
  async #restore({ files, clock }: AgentHost, sha256: string, order: DataDirOrder): Promise<void> {
    const snapshot = this.outside.snapshot(sha256);
    if (snapshot === undefined) throw new Error(`there is no snapshot ${sha256}`);
    const part = `${order.dataDir}.part`;
    await files.removeTree(part);
    // All that is there of it until the program has ended.
    await files.makeDirectory(`${part}/member`, { mode: 0o700 });
    await clock.sleep(this.outside.chance.between(0, restoreMsMax));
    this.disk.unlink(`${part}/member`);
    this.disk.putMember(part, restoredDisk(snapshot, order));
    await files.move(part, order.dataDir);
  }

  #hostFor(process: SimProcess): AgentHost {
    const { node, core, clock, chance, network, etcd, log, listening, onAction } = this.outside;
    const files = simFiles({
      disk: this.disk,
      process,
      clock,
      chance,
      freeBytes: () => 20 * 1024 ** 3,
      onChange: (change) => onAction(node, { kind: 'file', change }),
      fate: () => this.fate,
    });
    return {
      config: this.config,
      paths: this.paths,
      clock: clock.forProcess(process),
      files,
      accounts: {
        lookupAccount: async () => ({ kind: 'missing' }),
        lookupGroup: async () => ({ kind: 'missing' }),
      },
      services: this.service.open(process),
      store: new core.Store(files, this.paths),
      heal: new core.HealStore(files, this.paths),
      log: log.forAgent(node, process),
      chance: { uuid: () => chance.uuid(), fraction: () => chance.fraction() },
      machine: simMachine(this.machine, this.disk, process),
      peers: simPeers({ node, process, clock, network, listening }),
      connectEtcd: ({ endpoint, deadlineMs }) =>
        process.answer(({ resolve }) =>
          resolve(
            this.#watched(
              process,
              etcd.admin(node, endpoint, deadlineMs, (resume) => process.deliver(resume)),
            ),
          ),
        ),
    };
  }

  #watched(process: SimProcess, admin: EtcdAdmin): EtcdAdmin {
    const { node, onAction } = this.outside;
    const told = <T>(action: AgentAction, call: () => Promise<T>): Promise<T> => {
      onAction(node, action);
      return process.dead ? new Promise(() => undefined) : call();
    };
    return {
      ...boundTo(admin),
      memberAdd: (peerURLs, role) =>
        told({ kind: 'memberAdd', what: peerURLs.join() }, () => admin.memberAdd(peerURLs, role)),
      memberRemove: (id) => told({ kind: 'memberRemove', what: id }, () => admin.memberRemove(id)),
      memberPromote: (id) => told({ kind: 'memberPromote', what: id }, () => admin.memberPromote(id)),
      moveLeader: (to) => told({ kind: 'moveLeader', what: to }, () => admin.moveLeader(to)),
      disarm: (alarm) => told({ kind: 'disarm', what: alarm.memberId }, () => admin.disarm(alarm)),
    };
  }

  /** What enrolment and certification leave on a host. */
  #install(): void {
    const { identity } = this.outside;
    const { paths, disk } = this;
    const put = (path: string, text: string) => {
      disk.makeDirectory(path.slice(0, path.lastIndexOf('/')), 0o700);
      disk.write(path, new TextEncoder().encode(text), 0o600);
    };
    disk.makeDirectory('/run', 0o755);
    disk.makeDirectory('/var/lib/etcd', 0o700);
    put(`${paths.keysDir}/etcd-key.pem`, identity.etcd.key);
    put(`${paths.keysDir}/peer-key.pem`, identity.peer.key);
    put(`${paths.copiesDir}/etcd-root-ca.pem`, identity.etcdCa);
    put(`${paths.copiesDir}/etcd.pem`, identity.etcd.certificate);
    put(`${paths.copiesDir}/peer-ca.pem`, identity.peerCa);
    put(`${paths.copiesDir}/peer.pem`, identity.peer.certificate);
    put(paths.etcdCa, identity.etcdCa);
    put(paths.etcdCert, identity.etcd.certificate);
    put(paths.etcdKey, identity.etcd.key);
    put(paths.peerCa, identity.peerCa);
    put(paths.peerCert, identity.peer.certificate);
    put(paths.peerKey, identity.peer.key);
  }
}

const knownSpecs = new WeakMap<Uint8Array, MemberSpec>();

/** What a file holds is never changed in place. */
function specIn(content: Uint8Array): MemberSpec {
  let spec = knownSpecs.get(content);
  if (spec === undefined) {
    spec = JSON.parse(new TextDecoder().decode(content)) as MemberSpec;
    knownSpecs.set(content, spec);
  }
  return spec;
}

/** Methods of a class do not come along with a spread. */
function boundTo(admin: EtcdAdmin): EtcdAdmin {
  return {
    endpoint: admin.endpoint,
    status: () => admin.status(),
    memberList: (options) => admin.memberList(options),
    put: (key, value) => admin.put(key, value),
    get: (key) => admin.get(key),
    delete: (key) => admin.delete(key),
    linearizableRead: () => admin.linearizableRead(),
    alarms: () => admin.alarms(),
    disarm: (alarm) => admin.disarm(alarm),
    memberAdd: (peerURLs, role) => admin.memberAdd(peerURLs, role),
    memberRemove: (id) => admin.memberRemove(id),
    memberPromote: (id) => admin.memberPromote(id),
    moveLeader: (to) => admin.moveLeader(to),
    hashKV: (revision) => admin.hashKV(revision),
    lock: (key, owner, ttlSeconds) => admin.lock(key, owner, ttlSeconds),
    close: () => admin.close(),
  };
}
