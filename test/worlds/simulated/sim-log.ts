/**
 * What a run writes down, one line per thing that happened, with simulated time: the text that two runs of one seed must
 * have in common, and what a person reads to understand a failure.
 */
import type { Logger } from '@etcd-agent/platform';
import type { SimClock } from './clock.js';
import type { SimProcess } from './sim-process.js';

/** A run that logs more than this has gone round in circles. */
const linesMax = 400_000;

export class SimLog {
  readonly #lines: string[] = [];

  constructor(private readonly clock: SimClock) {}

  add(who: string, what: string): void {
    if (this.#lines.length >= linesMax) throw new Error(`more than ${linesMax} lines of log`);
    this.#lines.push(`${(this.clock.nowMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(8)} ${what}`);
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  tail(lines: number): string {
    return this.#lines.slice(-lines).join('\n');
  }

  /** The Logger port of one agent process: its warnings and what it says it does. */
  forAgent(node: string, process: SimProcess): Logger {
    const write = (level: string) => (fields: object | string, message?: string) => {
      if (process.dead) return;
      const text = typeof fields === 'string' ? fields : (message ?? '');
      this.add(node, `${level} ${text}${typeof fields === 'string' ? '' : described(fields)}`);
    };
    const silent = () => undefined;
    const logger: Logger = {
      trace: silent,
      debug: silent,
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      fatal: write('fatal'),
      child: () => logger,
    };
    return logger;
  }
}

function described(fields: object): string {
  const { err, event, ...rest } = fields as { err?: unknown; event?: { kind: string; rule: string } };
  const error = err instanceof Error ? ` err=${err.message}${causeOf(err)}` : '';
  const others = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  // The message of an event is that of the line.
  const ofEvent = event === undefined ? '' : ` (${event.kind} ${event.rule})`;
  return `${error}${others}${ofEvent}`;
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? ` (${error.cause.message})` : '';
}
