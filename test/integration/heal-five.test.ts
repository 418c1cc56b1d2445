/** Five members: two broken at once, and one broken beside a silent one. */
import { askedOr } from '../support/index.js';
import { tellFiveRows } from '../worlds/loopback/five-rows.js';

tellFiveRows(askedOr('3.5.30'));
