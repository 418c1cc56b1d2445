/** Lost, damaged and older data on etcd 3.5.16. It adds no member while a voter cannot be reached. */
import { tellDataRows } from '../worlds/loopback/data-rows.js';

tellDataRows('3.5.16', { rows: ['running', 'walDamaged'] });
