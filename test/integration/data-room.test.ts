/** What operators do to keys and to room. */
import { askedOr } from '../support/index.js';
import { dataRoomRows } from '../worlds/loopback/data-room-rows.js';

dataRoomRows(askedOr('3.4.23'));
