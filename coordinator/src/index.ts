/**
 * What other programs may use of the coordinator: commands that talk to nobody, as they run without a terminal. Whoever sets up many
 * clusters saves the start of a process for each.
 */
import type { Progress } from './progress.js';

/** Loaded when asked for. */
export const offlineCommands = () => import('./offline-commands.js');

/** Says nothing. */
export const silentProgress: Progress = {
  phase: (_title, run) => run({ note: () => {} }),
};
