/** Asks agents which etcd they have, decides, and has it installed: on all of them at once. */
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { LocalFile } from '../link/local-file.js';
import { sendFile } from '../link/send-file.js';
import { beginOperation } from '../operation.js';
import { byPercent, type PhaseReport } from '../progress.js';
import type { StateDir } from '../state/state-dir.js';
import { openEtcdFile } from './etcd-file.js';
import { decideInstall, type InstallDecision, isToInstall, type Source } from './plan/plan-install.js';

/** Unpacking 70 MB and syncing them, on a slow disk. */
const fileMsMax = 5 * 60_000;
/** Above the agent's own deadlines for its package manager. */
const packageMsMax = 20 * 60_000;
/** A note each time that so much more of a file has arrived, in percent. */
const percentStep = 25;

export type InstallOutcome = { readonly node: string } & (
  | { readonly kind: 'installed'; readonly version: string; readonly path: string; readonly changed: boolean }
  | { readonly kind: 'failed'; readonly failure: Failure }
);

/** Rejects with the Failure of the first node that does not answer. */
export async function decideInstalls(links: readonly NodeLink[], source: Source): Promise<InstallDecision[]> {
  return Promise.all(
    links.map(async (link) => {
      try {
        return decideInstall(link.place.name, source, await link.call('install.look', {}));
      } catch (error) {
        throw nodeFailure(link.place, error);
      }
    }),
  );
}

/** Carries out what is to be done of these decisions; never rejects for a node. */
export async function installOn(
  state: StateDir,
  links: readonly NodeLink[],
  source: Source,
  decisions: readonly InstallDecision[],
  report: PhaseReport,
): Promise<InstallOutcome[]> {
  const wanted = decisions.filter(isToInstall);
  const file =
    source.from === 'file' && wanted.length > 0 ? await openEtcdFile(state, source.sha256) : undefined;
  const stand = new Map<string, string>();
  const tell = (node: string, text: string) => {
    stand.set(node, text);
    report.note([...stand].map(([name, at]) => `${name}: ${at}`).join(', '));
  };
  try {
    return await Promise.all(
      wanted.map(async ({ node }): Promise<InstallOutcome> => {
        const link = links.find(({ place }) => place.name === node)!;
        const operation = await beginOperation(state, {
          action: 'etcd install',
          nodes: [node],
          before: { ...source },
          resume: `coordinator etcd install ${node}`,
        });
        const outcome = await installOne(link, file, (text) => tell(node, text));
        if (outcome.kind === 'failed') await operation.fail(outcome.failure);
        else {
          const { version, path, changed } = outcome;
          await operation.end('ok', { version, path, changed });
        }
        return outcome;
      }),
    );
  } finally {
    await file?.close();
  }
}

async function installOne(
  link: NodeLink,
  file: LocalFile | undefined,
  tell: (text: string) => void,
): Promise<InstallOutcome> {
  const node = link.place.name;
  try {
    const end = file === undefined ? await byPackage(link, tell) : await byFile(link, file, tell);
    tell(`etcd ${end.version}`);
    return { node, kind: 'installed', ...end };
  } catch (error) {
    tell('failed');
    return { node, kind: 'failed', failure: nodeFailure(link.place, error) };
  }
}

function byPackage(link: NodeLink, tell: (text: string) => void) {
  tell('its package manager is at work');
  return link.call('install.package', {}, packageMsMax);
}

async function byFile(link: NodeLink, file: LocalFile, tell: (text: string) => void) {
  const arrived = byPercent(percentStep, (percent) => tell(`${percent} %`));
  await sendFile(link, 'install', file, (received) => arrived(received, file.bytes));
  tell('unpacking');
  return link.call('install.file', { sha256: file.sha256 }, fileMsMax);
}

/** One Failure for what was refused by the plan; undefined where nothing was. */
export function refusalOf(decisions: readonly InstallDecision[]): Failure | undefined {
  const refused = decisions.flatMap((decision) => (decision.kind === 'refused' ? [decision] : []));
  if (refused.length === 0) return undefined;
  return new Failure({
    exit: 'refused',
    what: `etcd cannot be installed on ${refused.map(({ node }) => node).join(', ')}`,
    where: refused.map(({ node, why }) => `${node}: ${why}`),
    next: [...new Set(refused.map(({ next }) => next))].join('\n'),
  });
}
