/**
 * What this agent has decided, done and refused, one line of JSON each, in two files of bounded size. Numbers rise over
 * restarts, so that whoever follows knows what is new.
 */
import type { Clock, Files, Logger } from '@etcd-agent/platform';
import { type AgentEvent, agentEventSchema, type Evidence } from '@etcd-agent/protocol';
import { optionalText } from '../optional-text.js';

/** About 3,000 events; the file before it is kept, so that twice this is the most. */
const fileBytesMax = 1024 * 1024;
/** Kept in memory, to be read by many at no cost. */
const memoryMax = 4_000;

export interface EventLog {
  record(kind: AgentEvent['kind'], rule: string, message: string, evidence?: Evidence): Promise<void>;
  /** Those with a number above `after`, oldest first. */
  read(after: number, limit: number): { readonly events: AgentEvent[]; readonly newest: number };
}

interface Options {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Logger;
  readonly path: string;
}

/** A line that a power cut has torn is passed over. */
export async function openEvents({ files, clock, log, path }: Options): Promise<EventLog> {
  const former = `${path}.1`;
  const events = [...parse(await optionalText(files, former)), ...parse(await optionalText(files, path))];
  let newest = events.at(-1)?.seq ?? 0;
  let bytes = (await optionalText(files, path))?.length ?? 0;
  /** Appends in a row: of two at the limit, the second must not move the first one's new file over the former. */
  let line: Promise<void> = Promise.resolve();

  async function append(text: string): Promise<void> {
    if (bytes + text.length > fileBytesMax) {
      await files.remove(former);
      await files.move(path, former);
      bytes = 0;
    }
    await files.appendDurable(path, text, { mode: 0o600 });
    bytes += text.length + 1;
  }

  return {
    async record(kind, rule, message, evidence) {
      newest += 1;
      const event: AgentEvent = {
        seq: newest,
        at: clock.now().toISOString(),
        kind,
        rule,
        message: message.slice(0, 1_000),
        ...(evidence === undefined || Object.keys(evidence).length === 0 ? {} : { evidence }),
      };
      events.push(event);
      if (events.length > memoryMax) events.splice(0, events.length - memoryMax);
      log.info({ event }, message);
      // A full disk must not stop a repair that would end it.
      line = line
        .then(() => append(JSON.stringify(event)))
        .catch((error: unknown) => log.error({ err: error }, 'an event could not be written'));
      await line;
    },
    read(after, limit) {
      const from = events.findIndex(({ seq }) => seq > after);
      return { events: from === -1 ? [] : events.slice(from, from + limit), newest };
    },
  };
}

function parse(text: string | undefined): AgentEvent[] {
  return (text ?? '').split('\n').flatMap((line) => {
    try {
      const parsed = agentEventSchema.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}
