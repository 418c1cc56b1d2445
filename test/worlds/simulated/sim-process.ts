/**
 * One incarnation of an agent, from its start to its end, as the simulated kernel sees it. Every answer of every port
 * goes through `deliver`: a killed process never gets one any more, a stopped one (SIGSTOP) gets them when it goes on.
 */

export class SimProcess {
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #held: (() => void)[] = [];
  readonly #atEnd = new Set<() => void>();

  constructor(readonly name: string) {}

  get dead(): boolean {
    return this.#state === 'dead';
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** Runs `resume` now, when the process goes on, or never. */
  deliver(resume: () => void): void {
    if (this.#state === 'running') resume();
    else if (this.#state === 'stopped') this.#held.push(resume);
  }

  /** What becomes of something half done when the process is killed, until the returned function is called. */
  atEnd(act: () => void): () => void {
    this.#atEnd.add(act);
    return () => this.#atEnd.delete(act);
  }

  kill(): void {
    if (this.dead) return;
    this.#state = 'dead';
    this.#held = [];
    for (const act of [...this.#atEnd]) act();
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** Everything that came meanwhile comes now, in its order. */
  resume(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const act of held) this.deliver(act);
  }

  /** An answer that this process waits for, told at once or later by `begin`. */
  answer<T>(begin: (settle: { resolve(value: T): void; reject(error: Error): void }) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.dead) return;
      begin({
        resolve: (value) => this.deliver(() => resolve(value)),
        reject: (error) => this.deliver(() => reject(error)),
      });
    });
  }
}
