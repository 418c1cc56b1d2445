/** Restores on real etcd 3.4: what is there afterwards, killed at every step, and taken back. */
import { tellRestoreRows } from '../worlds/loopback/restore-rows.js';

tellRestoreRows('3.4.23', '3.5.30');
