/** What members say of the membership: what is whole, and what may never be seen whatever is broken. */
import type { Answers, Application } from '../../hosts/lab/application.js';
import type { Host } from '../../hosts/lab/host.js';

type List = NonNullable<Answers['members']['members']>;

/** What one member says of itself; `silent`: why it says nothing. */
export interface Sight {
  readonly host: Host;
  readonly id?: string;
  readonly leader?: string | undefined;
  readonly list?: List;
  readonly silent?: string;
}

/** Between two looks: each takes CPU from what is looked at. */
const watchMs = 700;

/** Why the cluster is not whole: every host one started voter, in the lists of all; undefined: it is. */
export function unwhole(sights: readonly Sight[]): string | undefined {
  for (const { host, id, list, leader, silent } of sights) {
    if (id === undefined || list === undefined) return `${host.name}: ${silent}`;
    if (leader === undefined) return `${host.name} knows no leader`;
    const text = `${host.name} lists ${JSON.stringify(list)}`;
    if (list.length !== sights.length || list.some(isInFlight)) return text;
    if (list.find((each) => each.ID === id)?.name !== host.name) return `${host.name} runs as ${id}; ${text}`;
  }
  return undefined;
}

/** Looks at every member's own list all the time; `stop` returns what was never to be seen. */
export function watchLists(
  application: Application,
  hosts: readonly Host[],
): { stop(): Promise<readonly string[]> } {
  const wrong = new Set<string>();
  let stopped = false;
  const look = async (host: Host) => {
    try {
      const { members = [] } = await application.ask('members', host);
      for (const each of problemsOf(members)) wrong.add(`${host.name}: ${each}`);
    } catch {
      // It does not answer.
    }
  };
  const watching = (async () => {
    while (!stopped) {
      await Promise.all(hosts.map(look));
      await new Promise((resolve) => setTimeout(resolve, watchMs));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return [...wrong];
    },
  };
}

function problemsOf(list: List): string[] {
  const flying = list.filter(isInFlight);
  const urls = list.flatMap(({ peerURLs }) => peerURLs);
  return [
    ...(flying.length > 1 ? [`${flying.length} entries in flight: ${JSON.stringify(flying)}`] : []),
    ...(new Set(urls).size < urls.length ? [`two entries of one node: ${JSON.stringify(list)}`] : []),
  ];
}

/** A member that has started has a name. */
function isInFlight({ name, isLearner }: List[number]): boolean {
  return name === undefined || name === '' || isLearner === true;
}
