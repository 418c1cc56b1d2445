/** Repairs that are interrupted: agent, etcd, or both killed at every stage. */
import { askedOr } from '../support/index.js';
import { tellInterruptedRows } from '../worlds/loopback/interrupted-rows.js';

tellInterruptedRows(askedOr('3.5.30'));
