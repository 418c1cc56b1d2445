/** Repairs that are interrupted, on etcd 3.5.30, where a member joins as a learner and is promoted. */
import { tellInterruptedRows } from '../worlds/loopback/interrupted-rows.js';

tellInterruptedRows('3.5.30');
