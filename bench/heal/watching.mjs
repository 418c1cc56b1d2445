// What is true of a cluster, asked in the same way of the floor's and of ours.
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks. */
const pauseMs = 20;
const askMsMax = 1_000;

/** The first that `look` finds; what it throws is as good as nothing. Throws after `ms`. */
export async function until(what, ms, look) {
  const deadline = performance.now() + ms;
  let last;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`waited ${ms} ms in vain: ${what}${last === undefined ? '' : ` (${last.message})`}`);
    await sleep(pauseMs);
  }
}

/**
 * All members are started voters in a list read through `others`, `victim` among them under another id than `formerId`, and a
 * linearizable read goes through it.
 */
export function untilHealthy({ victim, others, formerId }, ms) {
  const count = others.length + 1;
  return until('three healthy voters', ms, async () => {
    const [other] = others;
    const members = await other.members(askMsMax);
    const voters = members.filter(({ name, isLearner }) => name !== '' && !isLearner);
    if (voters.length !== count || members.length !== count) return false;
    if (members.some(({ id }) => id === formerId)) return false;
    await victim.read('healthy', askMsMax);
    return true;
  });
}

/** Every member answers a linearizable read. Returns who leads, by index, and the ids. */
export async function untilAllHealthy(endpoints, ms) {
  return until('all members are healthy', ms, async () => {
    const seen = await Promise.all(
      endpoints.map(async (endpoint) => {
        await endpoint.read('healthy', askMsMax);
        return endpoint.status(askMsMax);
      }),
    );
    const leader = seen.findIndex(({ memberId, leader: id }) => memberId === id);
    return leader === -1 ? false : { leader, ids: seen.map(({ memberId }) => memberId) };
  });
}
