/** Repairs that are interrupted, on etcd 3.3.25, where a member joins as a voter. Each kind of kill by itself is on 3.5.30. */
import { tellInterruptedRows } from '../worlds/loopback/interrupted-rows.js';

tellInterruptedRows('3.3.25', ['agent and etcd']);
