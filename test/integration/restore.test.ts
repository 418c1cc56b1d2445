/** A restore of a whole cluster, there and back, killed at every step. */
import { askedOr } from '../support/index.js';
import { tellRestoreRows } from '../worlds/loopback/restore-rows.js';

tellRestoreRows(askedOr('3.4.23'));
