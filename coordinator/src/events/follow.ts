/** Following the events of many agents, each over a link of its own that is dialled again for as long as it takes. */
import type { NodeLink } from '../link/dial-node.js';
import type { NodePlace } from '../topology/places.js';
import { merged, type NodeEvent, readNew, readNewest, type Wanted } from './read-events.js';

/** Between two looks. */
const pollMs = 1_000;

export interface FollowOptions {
  readonly places: readonly NodePlace[];
  readonly reach: (place: NodePlace) => Promise<NodeLink>;
  /** What to show of the past before following. */
  readonly wanted: Wanted;
  /** Events in the order of their time, a batch a look. */
  readonly emit: (events: readonly NodeEvent[]) => void;
  /** An agent went away, or came back. */
  readonly remark: (text: string) => void;
  readonly signal: AbortSignal;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Resolves when the signal comes. Agents may go and come: what they wrote meanwhile is shown when they are back. */
export async function follow(options: FollowOptions): Promise<void> {
  const { places, emit, signal, sleep = sleepUnlessAborted } = options;
  const arrived: NodeEvent[] = [];
  const loops = places.map((place) => followOne(place, options, (events) => arrived.push(...events)));
  while (!signal.aborted) {
    // Agents that are slow to answer hold nobody up: what has arrived by now is shown in its order.
    await sleep(pollMs, signal);
    if (arrived.length > 0) emit(merged(arrived.splice(0)));
  }
  await Promise.all(loops);
  if (arrived.length > 0) emit(merged(arrived));
}

async function followOne(
  place: NodePlace,
  { reach, wanted, remark, signal, sleep = sleepUnlessAborted }: FollowOptions,
  arrive: (events: readonly NodeEvent[]) => void,
): Promise<void> {
  let link: NodeLink | undefined;
  let after: number | undefined;
  let isSilent = false;
  while (!signal.aborted) {
    try {
      link ??= await reach(place);
      const read = after === undefined ? await readNewest(link, wanted) : await readNew(link, after);
      after = read.newest;
      arrive(read.events);
      if (isSilent) remark(`${place.name} answers again`);
      isSilent = false;
    } catch (error) {
      link?.close();
      link = undefined;
      if (!isSilent) remark(`${place.name} does not answer: ${(error as Error).message}`);
      isSilent = true;
    }
    await sleep(pollMs, signal);
  }
  link?.close();
}

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
