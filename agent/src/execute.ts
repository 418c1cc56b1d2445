/**
 * Carries out the steps of a plan, one executor per kind: a step without an executor does not compile. Nothing is
 * decided here.
 */
import { recordDataDir } from './data-dir.js';
import { flipConfToExisting } from './etcd-files.js';
import { effectiveSpec } from './heal/effective-spec.js';
import type { AgentHost } from './host.js';
import type { Step } from './plan/step.js';

type Executors = {
  readonly [K in Step['kind']]: (host: AgentHost, step: Extract<Step, { kind: K }>) => Promise<void>;
};

const executors: Executors = {
  async recordBegun(host) {
    const spec = await effectiveSpec(host);
    if (spec !== undefined) await recordDataDir(host, spec, 'begun');
  },
  flipConf: (host) => flipConfToExisting(host),
  removePermit: ({ files, paths }) => files.remove(paths.permit),
};

export async function execute(host: AgentHost, step: Step): Promise<void> {
  const run = executors[step.kind] as (host: AgentHost, step: Step) => Promise<void>;
  await run(host, step);
}
