/** Two of three lost: wiped, killed, or one of them away. Booted hosts have 3.4.23. */
import { askedOr } from '../support/index.js';
import { tellRecoverRows } from '../worlds/loopback/recover-rows.js';

tellRecoverRows(askedOr('3.5.30'), 3, 'all');
