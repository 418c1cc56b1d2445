/**
 * What the healer writes down when nothing moves: reasons to wait, and steps that fail. Both come again in each round; they
 * are events when they are new, and once in a while after that.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EventLog } from './events.js';
import type { HealPlan } from './plan/plan-heal.js';
import type { HealStep } from './plan/step.js';

/** A step that fails again and again in the same way. */
const failingMs = 10_000;
/** A reason that came and went is written down again after this long without it. */
const sayAgainMs = 60_000;
/** Reasons that are remembered for that. */
const reasonsMax = 500;

export class Told {
  /** The step that failed last, and when that was said. */
  private failing:
    | { readonly step: HealStep; readonly message: string; readonly saidMs: number; readonly times: number }
    | undefined;
  /** When each reason to wait was last seen. */
  private readonly reported = new Map<string, number>();

  constructor(
    private readonly events: EventLog,
    private readonly nowMs: () => number,
  ) {}

  /** Numbers that only grow make no new reason. True: one of them was new, or had not been there for long. */
  async waiting({ waiting }: Pick<HealPlan, 'waiting'>): Promise<boolean> {
    let isNew = false;
    for (const { rule, reason, evidence } of waiting) {
      const key = `${rule} ${reason.replace(/[0-9a-f]{16}|\d+(\.\d+)?/g, '#')}`;
      const nowMs = this.nowMs();
      const before = this.reported.get(key);
      this.reported.set(key, nowMs);
      if (before !== undefined && nowMs - before < sayAgainMs) continue;
      isNew = true;
      await this.events.record('waiting', rule, reason, evidence);
    }
    if (this.reported.size > reasonsMax) this.reported.clear();
    return isNew;
  }

  /** Returns how often this step had failed in a row before. */
  async failed(step: HealStep, rule: string, message: string): Promise<number> {
    const known = this.failing;
    const times = isDeepStrictEqual(known?.step, step) ? known!.times + 1 : 0;
    if (known?.message !== message || this.nowMs() - known.saidMs >= failingMs) {
      await this.events.record('failed', rule, message);
      this.failing = { step, message, saidMs: this.nowMs(), times };
    } else {
      this.failing = { ...known, times };
    }
    return times;
  }

  /** That this very step failed was said a moment ago. */
  saysFailing(step: HealStep): boolean {
    const known = this.failing;
    return isDeepStrictEqual(known?.step, step) && this.nowMs() - known!.saidMs < failingMs;
  }

  succeeded(): void {
    this.failing = undefined;
  }
}
