/** Lost, damaged and older data on etcd 3.5.30. It adds a member though a voter cannot be reached. */
import { tellDataRows } from '../worlds/loopback/data-rows.js';

tellDataRows('3.5.30');
