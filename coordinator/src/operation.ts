/**
 * The record of one command that changes something: that it began and with what plan, how each step ended, how the whole
 * ended. Each is a line of the audit log, synced before the next thing is done, so that what was cut short is seen: it
 * began and never ended. Reading the log is audit-log.ts.
 */
import { randomUUID } from 'node:crypto';
import { classOf, who } from './audit.js';
import type { StateDir } from './state/state-dir.js';

export type OperationOutcome = 'ok' | 'refused' | 'failed';

/** What is known before the first change. Facts for a reader; nothing secret. */
export interface OperationPlan {
  /** The command's words without its arguments, such as `snapshot save`. */
  readonly action: string;
  /** The names of the nodes that it is about. */
  readonly nodes?: readonly string[];
  /** What will be done, a sentence each, in order. */
  readonly plan?: readonly string[];
  readonly before?: Readonly<Record<string, unknown>>;
  /** The command that goes on where this one was cut short; by default there is nothing to go on with. */
  readonly resume?: string;
  /** Goes on with this operation, whose record has begun in an earlier run. */
  readonly id?: string;
}

export interface Operation {
  readonly id: string;
  /** Runs it and records how it ended and how long it took. Rejects as `run` does. */
  step<T>(name: string, run: () => Promise<T>): Promise<T>;
  end(outcome: OperationOutcome, after?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends with the class of this error. Never rejects: a disk that is full must not hide why it failed. */
  fail(error: unknown, after?: Readonly<Record<string, unknown>>): Promise<void>;
}

export async function beginOperation(state: StateDir, begin: OperationPlan): Promise<Operation> {
  const { id = randomUUID(), ...facts } = begin;
  const line = (entry: Readonly<Record<string, unknown>>) =>
    state.append(JSON.stringify({ at: new Date().toISOString(), operation: id, ...entry }), 'audit.jsonl');
  await line({ event: 'began', by: who(), ...facts });
  return {
    id,
    async step(name, run) {
      const from = performance.now();
      const ms = () => Math.round(performance.now() - from);
      try {
        const value = await run();
        await line({ event: 'step', step: name, outcome: 'ok', ms: ms() });
        return value;
      } catch (error) {
        await line({ event: 'step', step: name, ...classOf(error), ms: ms() }).catch(() => {});
        throw error;
      }
    },
    end: (outcome, after) => line({ event: 'ended', outcome, ...(after === undefined ? {} : { after }) }),
    fail: (error, after) =>
      line({ event: 'ended', ...classOf(error), ...(after === undefined ? {} : { after }) }).catch(() => {}),
  };
}

/** All of it: begins, runs, ends with what `run` returns as the state afterwards, or with its error. */
export async function recorded<T>(
  state: StateDir,
  begin: OperationPlan,
  run: (operation: Operation) => Promise<T>,
  after: (value: T) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<T> {
  const operation = await beginOperation(state, begin);
  try {
    const value = await run(operation);
    await operation.end('ok', after(value));
    return value;
  } catch (error) {
    await operation.fail(error);
    throw error;
  }
}
