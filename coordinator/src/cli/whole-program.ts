/** The program with all of its commands: for main.ts to run, and for manual page and shell completion to be made from. */
import { auditCommands } from './audit-commands.js';
import { clusterCommands } from './cluster-commands.js';
import { dataCommands } from './data-commands.js';
import { etcdCommands } from './etcd-commands.js';
import { healingCommands } from './healing-commands.js';
import { memberCommands } from './member-commands.js';
import { playgroundCommands } from './playground-commands.js';
import { recoveryCommands } from './recovery-commands.js';
import { restoreCommands } from './restore-commands.js';
import { roomCommands } from './room-commands.js';
import { snapshotCommands } from './snapshot-commands.js';
import { stateCommands } from './state-commands.js';

clusterCommands();
etcdCommands();
memberCommands();
healingCommands();
snapshotCommands();
restoreCommands();
dataCommands();
roomCommands();
recoveryCommands();
stateCommands();
auditCommands();
playgroundCommands();

export { program } from './program.js';
