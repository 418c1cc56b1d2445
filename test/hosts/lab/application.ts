/**
 * An application that writes through every member all the time. It knows which writes were acknowledged: none of them may
 * ever be missing, and the first one through a member after a fault says how long that member was out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, must, until } from './commands.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { labNamespace } from './places.js';

const program = fileURLToPath(new URL('etcd-client.mjs', import.meta.url));
/** What all its keys begin with. */
export const writtenKeys = 'written/';

export class Application {
  private readonly acknowledged = new Set<string>();
  /** By address: when its writes were acknowledged, by performance.now(). */
  private readonly moments = new Map<string, number[]>();
  private readonly writer: ChildProcess;

  constructor(private readonly lab: Lab) {
    const addresses = lab.hosts.map(({ address }) => address);
    this.writer = spawn('ip', this.words('write', ...addresses), {
      env: cleanEnvironment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let rest = '';
    this.writer.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.note(line);
    });
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
  async missingOn({ address }: Host): Promise<string[]> {
    const owed = [...this.acknowledged];
    const there = new Set(JSON.parse(await must('ip', this.words('keys', address))) as string[]);
    return owed.filter((key) => !there.has(key));
  }

  async close(): Promise<void> {
    if (this.writer.exitCode !== null) return;
    const closed = new Promise((resolve) => this.writer.once('close', resolve));
    this.writer.stdin!.end();
    await closed;
  }

  private note(line: string): void {
    const [address = '', key = ''] = line.split(' ');
    this.acknowledged.add(key);
    this.moments.set(address, [...(this.moments.get(address) ?? []), performance.now()]);
  }

  private words(operation: 'write' | 'keys', ...addresses: string[]): string[] {
    const command = [process.execPath, program, this.lab.stateDir, operation, writtenKeys, ...addresses];
    return ['netns', 'exec', labNamespace, ...command];
  }
}
