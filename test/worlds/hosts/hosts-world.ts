/**
 * A bootstrapped cluster on booted hosts, to break and to watch heal, while an application writes through every member from
 * beginning to end. What is done to hosts is in faults.ts; here is what must hold during every fault and after it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { Application } from '../../hosts/lab/application.js';
import { until } from '../../hosts/lab/commands.js';
import type { Host } from '../../hosts/lab/host.js';
import type { Lab } from '../../hosts/lab/lab.js';
import { enrol, listening } from '../../hosts/lab/operator.js';
import { mend } from '../../hosts/lab/partition.js';
import type { HostName } from '../../hosts/lab/places.js';
import { repairFile } from '../../hosts/lab/repair.js';
import { type Sight, unwhole, watchLists } from './member-lists.js';

export const dataDir = '/var/lib/etcd/default.etcd';
const permit = 'run/etcd-agent/may-start-empty';

/** Short, so that a story does not wait; `hold: 0s` lets one node be repaired again and again. */
export const impatient = {
  watch: '2s',
  hang: '5s',
  hangUptime: '5s',
  stopped: '4s',
  removed: '4s',
  replace: '4s',
  hold: '0s',
  repairsPerDayMax: '100',
} as const;

/** A modest load: what is looked for is a write that is missing. */
const pauseMs = 500;
/** A repair on an idle machine takes two seconds, and the boot of a host two; others may want this machine as well. */
const healedMsMax = 90_000;

export interface RoundEnd {
  /** Hosts that must be another member afterwards; all others must be the same. */
  readonly replaced?: readonly Host[];
  readonly withinMs?: number;
}

export class HostsWorld {
  private constructor(
    readonly lab: Lab,
    readonly application: Application,
  ) {}

  /** Agents are switched on and enrolled, the cluster bootstrapped. `coordinator init` was done. */
  static async start(lab: Lab): Promise<HostsWorld> {
    await Promise.all(lab.hosts.map((host) => host.must('systemctl', 'enable', '--now', 'etcd-agent')));
    for (const host of lab.hosts) {
      await listening(host);
      await enrol(lab, host);
    }
    expect(await lab.coordinator(['bootstrap', '--yes'])).toMatchObject({ code: 0 });
    const world = new HostsWorld(lab, new Application(lab, { pauseMs }));
    await world.whole(healedMsMax);
    return world;
  }

  get hosts(): readonly Host[] {
    return this.lab.hosts;
  }

  host(name: HostName): Host {
    return this.lab.host(name);
  }

  /** The host whose member leads now, waited for. */
  leader(): Promise<Host> {
    return until('a leader', healedMsMax, async () => {
      const sights = await this.look();
      const found = sights.find(({ id, leader }) => id !== undefined && id === leader);
      return found === undefined ? { notYet: JSON.stringify(sights) } : { value: found.host };
    });
  }

  /** Each member's id by the name of its host, where it answers. */
  async ids(): Promise<Readonly<Record<string, string | undefined>>> {
    return Object.fromEntries((await this.look()).map(({ host, id }) => [host.name, id]));
  }

  /** The same, waited for where one does not answer at once. */
  private everyId(): Promise<Readonly<Record<string, string | undefined>>> {
    return until('an id of every member', healedMsMax, async () => {
      const ids = await this.ids();
      return Object.values(ids).includes(undefined) ? { notYet: JSON.stringify(ids) } : { value: ids };
    });
  }

  /** Waits until every host has a healthy voter, of which all of them know, and nothing is under way. */
  async whole(withinMs: number): Promise<void> {
    await until('a whole cluster', withinMs, async () => {
      const why = unwhole(await this.look()) ?? this.underWay();
      return why === undefined ? { value: undefined } : { notYet: why };
    });
  }

  /**
   * One round: `fault` happens, and in time the cluster is whole again. All the while at most one entry may be in flight and no
   * node may have two; afterwards every acknowledged write is there, on each member, and all hold the same.
   */
  async round(
    fault: () => Promise<void>,
    { replaced = [], withinMs = healedMsMax }: RoundEnd = {},
  ): Promise<void> {
    const before = await this.everyId();
    const watch = watchLists(this.application, this.hosts);
    const beganMs = performance.now();
    try {
      await fault();
      const mendedMs = performance.now();
      await until('the new members', withinMs, async () => {
        const ids = await this.ids();
        const waited = replaced.filter(({ name }) => ids[name] === undefined || ids[name] === before[name]);
        return waited.length === 0 ? { value: ids } : { notYet: `${waited.map(({ name }) => name)} is not` };
      });
      await this.whole(withinMs);
      for (const host of this.hosts) await this.application.writesThrough(host, mendedMs, withinMs);
      const { currentTestName = '' } = expect.getState();
      told(
        `${currentTestName}: whole ${seconds(mendedMs)} after it was done, ${seconds(beganMs)} after its begin`,
      );
      expect(await watch.stop(), 'what was wrong with member lists meanwhile').toEqual([]);
      const after = await this.everyId();
      for (const host of this.hosts) {
        const isAnother = after[host.name] !== before[host.name];
        expect(isAnother, `${host.name} is another member now`).toBe(replaced.includes(host));
      }
      await this.nothingLost();
    } catch (error) {
      await mend();
      throw new Error(`${(error as Error).message}\n${await this.events()}`, { cause: error });
    } finally {
      await watch.stop();
    }
  }

  /** Every acknowledged write is in every member's store, and the stores are equal. */
  async nothingLost(): Promise<void> {
    for (const host of this.hosts) {
      expect(await this.application.missingOn(host), `acknowledged writes that ${host.name} lacks`).toEqual(
        [],
      );
    }
    const { header } = await this.application.answer('status', this.hosts[0]!);
    const hashes = await Promise.all(
      this.hosts.map((host) => this.application.answer('hash', host, header.revision)),
    );
    expect(new Set(hashes).size, 'different stores').toBe(1);
  }

  /** Waits until the agents of these others have written down that the host's member has gone beyond an index of its log. */
  async remembered(host: Host, memberId: string, index: number, others: readonly Host[]): Promise<void> {
    await until(`the peers remember that ${host.name} has gone on`, 60_000, async () => {
      const known = others.map((other) => positionOn(other, memberId));
      if (known.every((each) => each > index)) return { value: undefined };
      return { notYet: `${known}, more than ${index} is wanted` };
    });
  }

  /** What agents have recorded last, for a person to read. */
  async events(): Promise<string> {
    const { stdout, stderr } = await this.lab.coordinator(['events', '--limit', '60']);
    return `${stdout}${stderr}`;
  }

  close(): Promise<void> {
    return this.application.close();
  }

  private look(): Promise<Sight[]> {
    return Promise.all(
      this.hosts.map(async (host) => {
        try {
          const [status, list] = await Promise.all([
            this.application.ask('status', host),
            this.application.ask('members', host),
          ]);
          return { host, id: status.header.member_id, leader: status.leader, list: list.members ?? [] };
        } catch (error) {
          return { host, silent: (error as Error).message };
        }
      }),
    );
  }

  private underWay(): string | undefined {
    const off = this.hosts.find((host) => !host.isRunning);
    if (off !== undefined) return `${off.name} is switched off`;
    const repaired = this.hosts.find((host) => existsSync(host.path(repairFile)));
    if (repaired !== undefined) return `a repair of ${repaired.name} is under way`;
    const permitted = this.hosts.find((host) => existsSync(host.runPath(permit)));
    return permitted === undefined ? undefined : `${permitted.name} has a permit to start empty`;
  }
}

/** The highest index at which the host's agent has seen the member, as it has it on disk; 0 where it has none. */
function positionOn(host: Host, memberId: string): number {
  const file = host.path('/var/lib/etcd-agent/positions.json');
  if (!existsSync(file)) return 0;
  const { members } = JSON.parse(readFileSync(file, 'utf8')) as {
    members: readonly { readonly memberId: string; readonly index: string }[];
  };
  return Number(members.find((each) => each.memberId === memberId)?.index ?? 0);
}

/** Not a limit: on a busy machine everything takes its time. */
export function told(what: string): void {
  process.stderr.write(`hosts: ${what}\n`);
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;
}
