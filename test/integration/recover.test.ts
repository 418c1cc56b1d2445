/** Two of three lost: wiped, killed, or one of them away. */
import { askedOr } from '../support/index.js';
import { tellRecoverRows } from '../worlds/loopback/recover-rows.js';

tellRecoverRows(askedOr('3.4.23'), 3, 'all');
