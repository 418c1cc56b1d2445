/** Processes that end, hang or have lost their files, and what is left alone. */
import { askedOr } from '../support/index.js';
import { tellProcessRows } from '../worlds/loopback/process-rows.js';

tellProcessRows(askedOr('3.5.30'));
