/** Three of five wiped. */
import { askedOr } from '../support/index.js';
import { tellRecoverRows } from '../worlds/loopback/recover-rows.js';

tellRecoverRows(askedOr('3.5.30'), 5, 'wiped');
