/**
 * What tests use of the coordinator besides its program: commands that prepare a cluster and talk to nobody. Whoever sets up many
 * clusters saves the start of a process for each.
 */
import type { Progress } from './progress.js';

/** Loaded when asked for. */
export const offlineCommands = () => import('./offline-commands.js');

/** Says nothing. */
export const silentProgress: Progress = {
  phase: (_title, run) => run({ note: () => {} }),
};
