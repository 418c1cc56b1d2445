/**
 * One end of a link: calls methods of one table and answers those of another, over any Channel. It validates
 * both what it sends and what it receives, bounds what is in flight, and gives every call a deadline.
 */
import type { Channel } from './channel.js';
import { decodeMessage, encodeMessage, type Message } from './codec.js';
import { Fault, LinkError } from './faults.js';
import type { CallerRole } from './identity.js';
import { closeCodes, limits } from './limits.js';
import type { Handlers, MethodTable, Params, ResultOf } from './methods/define.js';

/** Calls methods of table `T`. */
export interface Caller<T extends MethodTable> {
  /**
   * Rejects with a Fault that the other side sent (or `internal` for an answer that does not fit), with a LinkError
   * where there is no answer, and with a ZodError or RangeError where `params` may not be sent at all.
   */
  call<M extends keyof T & string>(
    method: M,
    params: Params<T, M>,
    timeoutMs?: number,
  ): Promise<ResultOf<T, M>>;
}

/** What a serving end tells its owner; errors that are nobody's fault on the wire come here, once. */
export interface ServeEvents {
  onRefused?(
    method: string,
    kind: 'malformed' | 'unknownMethod' | 'invalidParams' | 'unauthorised' | 'busy',
  ): void;
  onError?(method: string, error: unknown): void;
}

/** Timers come in, so that simulated time can drive a deadline. */
export interface PeerTimers {
  start(ms: number, fire: () => void): { cancel(): void };
}

const systemTimers: PeerTimers = {
  start(ms, fire) {
    const timer = setTimeout(fire, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

type Request = Extract<Message, { kind: 'request' }>;
type Answer = Exclude<Message, Request>;

/** The calling end. Once the channel closes, every open and later call rejects with a LinkError. */
export function callOver<T extends MethodTable>(
  channel: Channel,
  table: T,
  timers = systemTimers,
): Caller<T> {
  const open = new Map<number, { settle: (answer: Answer) => void; fail: (error: Error) => void }>();
  let nextId = 1;
  let closed: LinkError | undefined;

  channel.onFrame((text) => {
    if (closed !== undefined) return;
    const message = decodeMessage(text);
    if (message === undefined || message.kind === 'request') {
      end(closeCodes.malformed, 'the other side sent what is no answer');
      channel.close(closeCodes.malformed, 'not an answer');
      return;
    }
    // An answer nobody waits for came after its deadline: dropped.
    open.get(message.id)?.settle(message);
  });
  channel.onClose(end);

  function end(code: number, reason: string): void {
    closed ??= new LinkError('closed', reason === '' ? `the link was closed (${code})` : reason, code);
    for (const call of [...open.values()]) call.fail(closed);
  }

  return {
    async call(method, params, timeoutMs = limits.requestMsDefault) {
      const definition = table[method]!;
      const checked = definition.params.parse(params) as Record<string, unknown>;
      if (closed !== undefined) throw closed;
      if (open.size >= limits.requestsInFlightMax) {
        throw new LinkError('overloaded', `${open.size} requests are already in flight`);
      }
      const id = nextId++;
      const frame = encodeMessage({ kind: 'request', id, method, params: checked });
      const answer = await new Promise<Answer>((resolve, reject) => {
        const timer = timers.start(timeoutMs, () => finish(() => reject(timeout(method, timeoutMs))));
        const finish = (act: () => void) => {
          timer.cancel();
          open.delete(id);
          act();
        };
        open.set(id, {
          settle: (message) => finish(() => resolve(message)),
          fail: (error) => finish(() => reject(error)),
        });
        channel.send(frame);
      });
      if (answer.kind === 'failure') {
        throw Fault.fromWire(answer.error.code, answer.error.message, answer.error.data?.hint);
      }
      const result = definition.result.safeParse(answer.result);
      if (!result.success) {
        const why = `the answer to ${method} does not fit: ${problems(result.error)}`;
        throw new Fault('internal', why, versionHint);
      }
      return result.data as never;
    },
  };
}

/** The serving end, for a caller whose role is already known. */
export function serveOver<T extends MethodTable, Context>(
  channel: Channel,
  table: T,
  role: CallerRole,
  handlers: Handlers<T, Context>,
  context: Context,
  events: ServeEvents = {},
): void {
  let inFlight = 0;
  // Frames may still arrive after a close was asked for: they are nobody's any more.
  let ended = false;
  channel.onClose(() => {
    ended = true;
  });
  channel.onFrame((text) => {
    if (ended) return;
    const message = decodeMessage(text);
    if (message?.kind !== 'request') {
      ended = true;
      events.onRefused?.('?', 'malformed');
      channel.close(closeCodes.malformed, 'not a JSON-RPC 2.0 request');
      return;
    }
    if (inFlight >= limits.requestsInFlightMax) {
      events.onRefused?.(message.method, 'busy');
      reply(message.id, new Fault('busy', `${inFlight} requests are already in flight`));
      return;
    }
    void serve(message);
  });

  // Everything that can throw is inside, the encoding of too large a result too: a request never ends the process.
  async function serve({ id, method, params }: Request): Promise<void> {
    inFlight += 1;
    try {
      const result = await answer(method, params);
      channel.send(encodeMessage({ kind: 'result', id, result }));
    } catch (error) {
      reply(id, asFault(method, error));
    } finally {
      inFlight -= 1;
    }
  }

  async function answer(method: string, params: unknown): Promise<unknown> {
    const definition = Object.hasOwn(table, method) ? table[method] : undefined;
    if (definition === undefined) {
      events.onRefused?.(method, 'unknownMethod');
      throw new Fault('unknownMethod', `there is no method ${method}`, versionHint);
    }
    if (!definition.roles.includes(role)) {
      events.onRefused?.(method, 'unauthorised');
      throw new Fault('unauthorised', `role ${role} may not call ${method}`);
    }
    const checked = definition.params.safeParse(params);
    if (!checked.success) {
      events.onRefused?.(method, 'invalidParams');
      throw new Fault('invalidParams', `parameters of ${method}: ${problems(checked.error)}`);
    }
    const result = await handlers[method as keyof T](checked.data as never, context);
    return definition.result.parse(result);
  }

  function asFault(method: string, error: unknown): Fault {
    if (error instanceof Fault) return error;
    // What was not thrown on purpose is logged here and told without detail: it may hold what the caller must not see.
    events.onError?.(method, error);
    return new Fault('internal', `${method} failed inside the agent`, "See the agent's log.");
  }

  function reply(id: number, fault: Fault): void {
    const { code, message, hint } = fault;
    const data = hint === undefined ? {} : { data: { hint } };
    channel.send(encodeMessage({ kind: 'failure', id, error: { code, message, ...data } }));
  }
}

const versionHint = 'Are both sides of the same version?';

function timeout(method: string, ms: number): LinkError {
  return new LinkError('timeout', `${method} was not answered within ${ms} ms`);
}

// Paths and reasons of a schema's complaints, not the values: they may be secret.
function problems(error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }): string {
  return error.issues
    .slice(0, 8)
    .map((issue) => `${issue.path.map(String).join('.') || '(top)'}: ${issue.message}`)
    .join('; ');
}
