/** `coordinator events`: what all agents have decided, done and refused, merged by time. */
import { askAgents, exitOfAnswers, silentNotes, withAgents } from '../cluster/ask-agents.js';
import { type Cluster, credentialsOf, openCluster, placeOf } from '../cluster/open-cluster.js';
import { follow } from '../events/follow.js';
import { merged, readNewest } from '../events/read-events.js';
import { nodeFailure } from '../link/dial-error.js';
import { reachNode } from '../link/reach-node.js';
import { eventLine, eventTable } from '../output/event-lines.js';
import type { OutputFormat, View } from '../output/view.js';
import type { CommandContext } from './context.js';

/** Events shown where neither --since nor --limit says otherwise: about two screens. */
const limitDefault = 100;

export interface EventsFlags {
  readonly node: string | undefined;
  readonly sinceMs: number | undefined;
  readonly limit: number | undefined;
}

export async function events({ stateDir }: CommandContext, flags: EventsFlags): Promise<View> {
  const cluster = await openCluster(stateDir);
  const limit = limitOf(flags);
  const answers = await withAgents(cluster, placesOf(cluster, flags), (reached) =>
    askAgents(reached, (link) => readNewest(link, { limit, sinceMs: momentOf(flags, link.clock.offsetMs) })),
  );
  const all = merged(answers.answered.flatMap(({ value }) => value.events));
  const shown = limit === undefined ? all : all.slice(-limit);
  return {
    document: {
      kind: 'Events',
      events: shown,
      silent: answers.silent.map(({ place, failure }) => ({ node: place.name, why: failure.parts.what })),
    },
    table: shown.length === 0 ? '' : eventTable(shown),
    exit: exitOfAnswers(answers),
    notes: [...silentNotes(answers.silent), ...(shown.length === 0 ? ['no events'] : [])],
  };
}

/** Prints as events come, until Ctrl-C; that is how it ends well. */
export async function followEvents(
  { stateDir }: CommandContext,
  flags: EventsFlags,
  format: OutputFormat,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const { state, topology } = cluster;
  const options = {
    state,
    cluster: topology.name,
    credentials: await credentialsOf(cluster),
    mayEnrol: false,
  };
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort());
  // `coordinator events --follow | head`: nobody reads any more.
  process.stdout.once('close', () => ended.abort());
  await follow({
    places: placesOf(cluster, flags),
    reach: async (place) => {
      try {
        return await reachNode(place, options);
      } catch (error) {
        throw nodeFailure(place, error);
      }
    },
    wanted: { limit: limitOf(flags), sinceMs: momentOf(flags, 0) },
    emit: (batch) => {
      for (const event of batch) process.stdout.write(eventLine(event, format));
    },
    remark: (text) => process.stderr.write(`${text}\n`),
    signal: ended.signal,
  });
  return { document: undefined, table: undefined };
}

function placesOf(cluster: Cluster, { node }: EventsFlags) {
  return node === undefined ? cluster.places : [placeOf(cluster, node, 'events --node')];
}

function limitOf({ limit, sinceMs }: EventsFlags): number | undefined {
  return limit ?? (sinceMs === undefined ? limitDefault : undefined);
}

/** The moment by the clock of an agent that is so much ahead of ours. */
function momentOf({ sinceMs }: EventsFlags, offsetMs: number): number | undefined {
  return sinceMs === undefined ? undefined : Date.now() + offsetMs - sinceMs;
}
