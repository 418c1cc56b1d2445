/**
 * An application that writes through every member all the time. It knows which writes were acknowledged: none of them may
 * ever be missing, and the first one through a member after a fault says how long that member was out. It also asks members
 * what they say of themselves, from where an operator would.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, until } from './commands.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { labNamespace, subnet } from './places.js';

const program = fileURLToPath(new URL('etcd-client.mjs', import.meta.url));
/** What all its keys begin with, if nothing else is said. */
export const writtenKeys = 'written/';

/** What a member can be asked, and what it answers as etcd's gateway writes it: numbers are strings, defaults are left out. */
export interface Answers {
  readonly keys: readonly string[];
  readonly members: {
    readonly members?: readonly {
      readonly ID: string;
      readonly name?: string;
      readonly peerURLs: readonly string[];
      readonly isLearner?: boolean;
    }[];
  };
  readonly status: {
    readonly header: { readonly member_id: string; readonly revision: string };
    readonly leader?: string;
  };
  /** Of all keys at the revision that is its argument. */
  readonly hash: string;
}

interface Question {
  readonly answered: (answer: unknown) => void;
  readonly failed: (error: Error) => void;
}

export class Application {
  /** By key: when that was read, by Date.now(). */
  private readonly acknowledged = new Map<string, number>();
  /** By address: when its writes were acknowledged, by performance.now(). */
  private readonly moments = new Map<string, number[]>();
  private readonly questions = new Map<string, Question>();
  private asked = 0;
  private readonly writer: ChildProcess;

  /** `pauseMs`: between two writes through one member. `prefix`: of its keys, no other application's. */
  constructor(
    lab: Lab,
    { pauseMs = 150, prefix = writtenKeys }: { readonly pauseMs?: number; readonly prefix?: string } = {},
  ) {
    const words = [program, lab.stateDir, subnet.application, prefix, String(pauseMs)];
    const addresses = lab.hosts.map(({ address }) => address);
    this.writer = spawn('ip', ['netns', 'exec', labNamespace, process.execPath, ...words, ...addresses], {
      env: cleanEnvironment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let rest = '';
    this.writer.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.note(line);
    });
    this.writer.once('close', () => {
      for (const { failed } of this.questions.values()) failed(new Error('the application has ended'));
    });
  }

  /** How many writes were acknowledged so far. */
  get count(): number {
    return this.acknowledged.size;
  }

  /** Resolves when a write through the host's member is acknowledged after `sinceMs`; with the milliseconds that took. */
  async writesThrough({ name, address }: Host, sinceMs: number, limitMs: number): Promise<number> {
    return until(`a write through ${name} is acknowledged`, limitMs, async () => {
      const first = this.moments.get(address)?.find((momentMs) => momentMs > sinceMs);
      return first === undefined
        ? { notYet: `${this.acknowledged.size} writes through all members` }
        : { value: Math.round(first - sinceMs) };
    });
  }

  /** The longest time in which no write through any member was acknowledged, since `sinceMs`. */
  longestGapMs(sinceMs: number): number {
    const all = [...this.moments.values()].flat().filter((momentMs) => momentMs >= sinceMs);
    const moments = [sinceMs, ...all.sort((a, b) => a - b), performance.now()];
    return Math.round(Math.max(...moments.slice(1).map((momentMs, at) => momentMs - moments[at]!)));
  }

  /** Acknowledged writes that the host's member does not have. */
  async missingOn(host: Host): Promise<string[]> {
    const owed = [...this.acknowledged.keys()];
    const there = new Set(await this.answer('keys', host));
    return owed.filter((key) => !there.has(key));
  }

  acknowledgedBefore(epochMs: number): string[] {
    return [...this.acknowledged].flatMap(([key, atMs]) => (atMs < epochMs ? [key] : []));
  }

  /** Rejects where the member does not answer in two seconds, or ten where it has more to do. */
  ask<W extends keyof Answers>(what: W, { address }: Host, argument = ''): Promise<Answers[W]> {
    this.asked += 1;
    const number = String(this.asked);
    return new Promise((resolve, reject) => {
      this.questions.set(number, {
        answered: (answer) => resolve(answer as Answers[W]),
        failed: (error) => reject(new Error(`${what} of ${address}: ${error.message}`)),
      });
      this.writer.stdin!.write(`${number} ${what} ${address} ${argument}\n`);
    });
  }

  /** Asks until it answers, for a minute: a member may be without a leader for a moment. */
  answer<W extends keyof Answers>(what: W, host: Host, argument = ''): Promise<Answers[W]> {
    return until(`an answer of ${host.name}`, 60_000, () =>
      this.ask(what, host, argument).then(
        (value) => ({ value }),
        (error: Error) => ({ notYet: error.message }),
      ),
    );
  }

  async close(): Promise<void> {
    if (this.writer.exitCode !== null) return;
    const closed = new Promise((resolve) => this.writer.once('close', resolve));
    this.writer.stdin!.end();
    await closed;
  }

  private note(line: string): void {
    const [kind, first = ''] = line.split(' ', 2);
    const rest = line.slice(`${kind} ${first} `.length);
    if (kind === 'w') {
      this.acknowledged.set(rest, Date.now());
      const moments = this.moments.get(first);
      if (moments === undefined) this.moments.set(first, [performance.now()]);
      else moments.push(performance.now());
      return;
    }
    const question = this.questions.get(first);
    this.questions.delete(first);
    if (kind === 'a') question?.answered(JSON.parse(rest));
    else question?.failed(new Error(rest));
  }
}
