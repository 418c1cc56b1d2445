/** Data that is lost, damaged, cut off or rolled back, on etcd 3.3.25, which knows no learners; on booted hosts the same on 3.4.23. */
import { askedOr } from '../support/index.js';
import { tellDataRows } from '../worlds/loopback/data-rows.js';

tellDataRows(askedOr('3.3.25'), { swapped: true });
