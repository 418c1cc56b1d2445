/**
 * Simulated time: a queue of events that is worked off in a fixed order, by time and then by when they were made. Between
 * two events everything that production code can do without waiting is done, so that a run is the same every time.
 */
import type { Clock } from '@etcd-agent/platform';

/** Whoever waits: gets its answers when it can take them, or never. */
export interface Waiter {
  deliver(resume: () => void): void;
}

/** The wall clock at the beginning of every run. */
export const epochMs = Date.UTC(2026, 0, 5, 8, 0, 0);

interface Event {
  readonly at: number;
  readonly sequence: number;
  fire: (() => void) | undefined;
  /** Its effects may resume production code. */
  readonly loud: boolean;
}

/** Takes an event back; without effect once it has fired. */
export type Cancel = () => void;

export class SimClock {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #sequence = 0;

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Fires at that time, or as the next thing where it has passed. */
  at(ms: number, fire: () => void): Cancel {
    return this.#push(ms, fire, true);
  }

  after(ms: number, fire: () => void): Cancel {
    return this.#push(this.#nowMs + ms, fire, true);
  }

  /**
   * Like {@link after}, for what goes on inside a model: `fire` must not resume production code, neither by settling
   * a promise that it awaits nor by calling it. So nothing has to be awaited afterwards, which is what makes a run
   * cheap. Where such an event turns out to have an effect outside, it makes that effect with {@link at}.
   */
  quietlyAfter(ms: number, fire: () => void): Cancel {
    return this.#push(this.#nowMs + ms, fire, false);
  }

  /** Works off everything up to that time, which it then is. Rejects with what an event threw. */
  async runUntil(ms: number): Promise<void> {
    await settled();
    for (;;) {
      const next = this.#take(ms);
      if (next === undefined) break;
      if (next.loud) await settled();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** Works off events until `done`, at the latest at `endMs`. Returns whether it became so. */
  async runUntilDone(done: () => boolean, endMs: number): Promise<boolean> {
    await settled();
    while (!done()) {
      const next = this.#take(endMs);
      if (next === undefined) break;
      if (next.loud) await settled();
    }
    return done();
  }

  /** The clock of one host, as one process on it sees it; `skewMs` is how far its wall clock is off. */
  forProcess(process: Waiter, skewMs = 0): Clock {
    return {
      now: () => new Date(epochMs + this.#nowMs + skewMs),
      monotonicMs: () => this.#nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted === true) {
            reject(signal.reason);
            return;
          }
          const onAbort = () => {
            cancel();
            process.deliver(() => reject(signal?.reason));
          };
          const cancel = this.after(Math.max(ms, 0), () => {
            signal?.removeEventListener('abort', onAbort);
            process.deliver(resolve);
          });
          signal?.addEventListener('abort', onAbort, { once: true });
        }),
    };
  }

  /** Fires the next event that is due by `endMs`. */
  #take(endMs: number): Event | undefined {
    for (let next = this.#queue.first(); next !== undefined && next.at <= endMs; next = this.#queue.first()) {
      this.#queue.removeFirst();
      const { fire } = next;
      if (fire === undefined) continue;
      next.fire = undefined;
      this.#nowMs = Math.max(this.#nowMs, next.at);
      fire();
      return next;
    }
    return undefined;
  }

  #push(at: number, fire: () => void, loud: boolean): Cancel {
    if (!Number.isFinite(at)) throw new RangeError(`not a time: ${at}`);
    const event: Event = { at, sequence: this.#sequence++, fire, loud };
    this.#queue.add(event);
    return () => {
      event.fire = undefined;
    };
  }
}

/** Everything that promises can do by themselves is done when the next turn of the event loop comes. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A binary heap. */
class EventQueue {
  readonly #events: Event[] = [];

  first(): Event | undefined {
    return this.#events[0];
  }

  add(event: Event): void {
    const events = this.#events;
    let at = events.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(events[parent]!, event)) break;
      events[at] = events[parent]!;
      at = parent;
    }
    events[at] = event;
  }

  removeFirst(): void {
    const events = this.#events;
    const last = events.pop();
    if (last === undefined || events.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && before(events[child + 1]!, events[child]!)) child += 1;
      if (before(last, events[child]!)) break;
      events[at] = events[child]!;
      at = child;
    }
    events[at] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
