/**
 * Lost, damaged and older data on etcd 3.4.23. A member joins as a learner and is promoted. Leaders are broken where 3.5.30
 * breaks followers.
 */
import { tellDataRows } from '../worlds/loopback/data-rows.js';

tellDataRows('3.4.23', { swapped: true });
