/**
 * Lost, damaged and older data on etcd 3.3.25. A member joins as a voter, and a server of this age does not tell of its
 * alarms: agents ask it once a minute. Leaders are broken where 3.5.30 breaks followers.
 */
import { tellDataRows } from '../worlds/loopback/data-rows.js';

tellDataRows('3.3.25', { swapped: true });
