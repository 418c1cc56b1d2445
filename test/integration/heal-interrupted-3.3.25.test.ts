/** Repairs that are interrupted, on etcd 3.3.25, where a member joins as a voter. */
import { tellInterruptedRows } from '../worlds/loopback/interrupted-rows.js';

tellInterruptedRows('3.3.25');
