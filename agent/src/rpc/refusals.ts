/**
 * Refusals as events: `coordinator events` tells what somebody asked this agent for and was not given, who that was, and which
 * guard said no with which numbers. What the agent refuses itself is the healer's to tell.
 */
import { type Evidence, Fault, type GuardView, type Handlers, type MethodTable } from '@etcd-agent/protocol';
import type { EventLog } from '../heal/events.js';
import { failing, sentence } from '../heal/plan/guards.js';
import type { CallContext } from './handlers.js';

/** The names under which what an operator asks for stands among the events; a method without one has its own name. */
const rules: Readonly<Record<string, string>> = {
  'heal.pause': 'pause',
  'member.remove': 'removeMember',
  'member.replace': 'replaceMember',
  'disk.accept': 'acceptDisk',
};

/** As many characters as a text among the evidence may have. */
const textCharsMax = 500;

/** The same handlers; a refusal that one of them throws is an event too. */
export function withRefusals<T extends MethodTable>(
  handlers: Handlers<T, CallContext>,
): Handlers<T, CallContext> {
  const wrapped = Object.entries(handlers).map(([method, handle]) => [
    method,
    async (params: { readonly by?: string }, context: CallContext) => {
      try {
        return await (handle as (params: unknown, context: CallContext) => Promise<unknown>)(params, context);
      } catch (error) {
        if (error instanceof Fault && (error.kind === 'refused' || error.kind === 'staleGeneration')) {
          const by = params.by ?? context.caller.name;
          const text = `refused for ${by}: ${error.message}`;
          await context.caretaker.healer.events.record('operator', rules[method] ?? method, text, { by });
        }
        throw error;
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Handlers<T, CallContext>;
}

/** Guards that said no to what was asked for: `member 8e9e05c52164694d not removed for ann: quorum: 1 of 3 ...`. */
export async function recordRefusal(
  events: EventLog,
  { rule, what, by, guards }: { rule: string; what: string; by: string; guards: readonly GuardView[] },
): Promise<void> {
  const failed = failing(guards);
  const reasons = failed.map(({ guard, reason }) => [guard, reason.slice(0, textCharsMax)]);
  const evidence: Evidence = { by, ...Object.fromEntries(reasons) };
  await events.record('operator', rule, `${what} for ${by}: ${sentence(failed)}`, evidence);
}
