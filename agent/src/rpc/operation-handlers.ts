/** What the agent answers to an operation over the whole cluster: each step in the agent's turn, and only for the one that its spec names. */
import { type AgentMethods, Fault, type Handlers } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { placeFor } from '../operation/place.js';
import { putBackFor } from '../operation/put-back.js';
import { lookAtOperation, quarantineFor } from '../operation/quarantine.js';
import { startFor } from '../operation/start.js';
import type { CallContext } from './handlers.js';

type OperationMethods = Pick<
  AgentMethods,
  'operation.look' | 'operation.quarantine' | 'operation.place' | 'operation.putBack' | 'operation.start'
>;

/** Data dirs being made: a coordinator that was killed, or whose link broke, asks again and gets the same answer. */
const placing = new WeakMap<
  AgentHost,
  { readonly operation: string; readonly end: ReturnType<typeof place> }
>();

export const operationHandlers: Handlers<OperationMethods, CallContext> = {
  'operation.look': ({ operation }, { host }) => lookAtOperation(host, operation),

  'operation.quarantine': ({ operation }, context) =>
    step(context, 'quarantine', operation, () => quarantineFor(context.host, operation)),

  async 'operation.place'({ operation }, context) {
    const { host } = context;
    const running = placing.get(host);
    if (running?.operation === operation) return running.end;
    if (running !== undefined)
      throw new Fault('busy', `this agent is making a data dir for operation ${running.operation}`);
    const end = place(context, operation);
    placing.set(host, { operation, end });
    try {
      return await end;
    } finally {
      placing.delete(host);
    }
  },

  'operation.putBack': ({ operation }, context) =>
    step(context, 'putBack', operation, () => putBackFor(context.host, operation)),

  'operation.start': ({ operation }, context) =>
    step(context, 'start', operation, async () => {
      const { host, caretaker } = context;
      const end = await startFor(host, operation, () => caretaker.healer.objectionToStart());
      caretaker.onStart();
      return end;
    }),
};

async function place(context: CallContext, operation: string) {
  const { host, caretaker, snapshots } = context;
  const end = await placeFor({ host, snapshots, alone: caretaker.alone }, operation);
  await told(context, 'place', operation, end);
  return end;
}

function step<T extends object>(
  context: CallContext,
  name: string,
  operation: string,
  act: () => Promise<T>,
): Promise<T> {
  return context.caretaker.alone(async () => {
    const end = await act();
    await told(context, name, operation, end);
    return end;
  });
}

async function told(
  { host, caretaker }: CallContext,
  name: string,
  operation: string,
  end: object,
): Promise<void> {
  host.log.warn({ operation, ...end }, `operation: ${name}`);
  const evidence = Object.fromEntries(
    Object.entries(end).map(([key, value]) => [
      key,
      typeof value === 'boolean' ? value : String(value).slice(0, 500),
    ]),
  );
  await caretaker.healer.events.record(
    'operator',
    'operation',
    `${name} for operation ${operation}`,
    evidence,
  );
}
