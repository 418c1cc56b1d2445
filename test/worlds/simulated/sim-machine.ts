/** The Machine port of one simulated host: what it tells of boots, addresses, file systems and its disk's load. */

import type { AgentHost } from './agent-core.js';
import type { SimDisk } from './sim-disk.js';
import type { SimProcess } from './sim-process.js';

export interface MachineState {
  bootId: string;
  readonly addresses: string[];
  /** Percent of the last ten seconds in which something waited for the disk. */
  ioPressure: number;
}

export function simMachine(state: MachineState, disk: SimDisk, process: SimProcess): AgentHost['machine'] {
  return {
    bootId: () => process.answer(({ resolve }) => resolve(state.bootId)),
    addresses: () => [...state.addresses],
    fileSystemOf: (path) =>
      process.answer(({ resolve }) => {
        const { id, mountPoint } = disk.deviceOf(path);
        resolve({ id, mountPoint });
      }),
    ioPressure: () =>
      process.answer(({ resolve }) => resolve({ kind: 'known', someAvg10: state.ioPressure })),
  };
}
