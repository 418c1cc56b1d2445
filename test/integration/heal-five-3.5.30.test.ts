/** Two of five in trouble at once on etcd 3.5.30: it adds a member though a voter cannot be reached. */
import { tellFiveRows } from '../worlds/loopback/five-rows.js';

tellFiveRows('3.5.30');
