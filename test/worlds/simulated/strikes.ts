/**
 * The acts of a host under repair, counted, and one blow at one of them. A repair that is run again with the same seed makes
 * the same acts up to the blow, so that every step of a repair can be struck, and none by chance.
 */
import type { SimCluster } from './sim-cluster.js';
import type { AgentAction } from './sim-host.js';

/** One thing that the agent under repair did. */
export interface RepairAct {
  readonly what: string;
  readonly atMs: number;
  readonly isFile: boolean;
  /** A crash may leave half of it. */
  readonly hasHalves: boolean;
  /** An etcd runs on the host as it is done. */
  readonly etcdRuns: boolean;
}

export type Victim = 'agent' | 'host' | 'etcd';

export interface Strike {
  readonly victim: Victim;
  /** Which act, from 0. */
  readonly act: number;
  /** `before`: all that was going on has ended, and the act is not done. */
  readonly moment: 'before' | 'half' | 'after';
}

/** How long what was struck stays away. */
const agentAwayMs = 300;
const hostAwayMs = 2_000;
/** Acts that follow each other faster have nothing between them that could be struck. */
const gapMs = 5;

interface Watched {
  readonly cluster: SimCluster;
  readonly node: string;
}

export class RepairWatch {
  readonly acts: RepairAct[] = [];
  struck = false;
  #watched: Watched | undefined;

  constructor(private readonly strike: Strike | undefined) {}

  /** From now on what this node's agent does is counted. */
  begin(cluster: SimCluster, node: string): void {
    this.#watched = { cluster, node };
  }

  /** And from now on no more. */
  end(): void {
    this.#watched = undefined;
  }

  /** Returns whether the act is still done. */
  onAction(node: string, action: AgentAction): boolean {
    if (node !== this.#watched?.node) return true;
    const { cluster } = this.#watched;
    const { strike, struck, acts } = this;
    const host = cluster.host(node);
    acts.push({
      what: action.kind === 'file' ? `${action.change.kind} ${action.change.path}` : action.kind,
      atMs: cluster.clock.nowMs,
      isFile: action.kind === 'file',
      hasHalves: action.kind === 'file' && ['append', 'removeTree'].includes(action.change.kind),
      etcdRuns: host.service.process?.running === true,
    });
    if (struck || acts.length - 1 !== strike?.act) return true;
    this.struck = true;
    if (strike.moment === 'after') {
      const watched = this.#watched;
      cluster.clock.after(0, () => this.#hit(watched, strike));
      return true;
    }
    this.#hit(this.#watched, strike);
    return strike.victim === 'etcd';
  }

  #hit({ cluster, node }: Watched, { victim, moment }: Strike): void {
    const host = cluster.host(node);
    cluster.log.add('strike', `${victim} of ${node}`);
    host.fate = moment === 'half' ? 'torn' : 'undone';
    if (victim === 'agent') host.killAgent(agentAwayMs);
    else if (victim === 'host') host.powerCut(hostAwayMs);
    else host.service.kill();
    host.fate = undefined;
  }
}

/**
 * Every blow that differs from the others: right after each act; half way through each that has halves; and before each
 * that came after something else than the act before it, an answer or a wait.
 */
export function strikesAt(acts: readonly RepairAct[]): Strike[] {
  return acts.flatMap(({ what, atMs, hasHalves, etcdRuns }, act) => {
    const before = acts[act - 1];
    const waited = before === undefined || atMs - before.atMs >= gapMs || !before.isFile;
    const victims: Victim[] =
      etcdRuns || what === 'startEtcd' ? ['agent', 'host', 'etcd'] : ['agent', 'host'];
    return [
      ...victims.map((victim) => ({ victim, act, moment: 'after' }) as const),
      ...(waited ? victims.map((victim) => ({ victim, act, moment: 'before' }) as const) : []),
      ...(hasHalves ? [{ victim: 'agent', act, moment: 'half' } as const] : []),
    ];
  });
}
