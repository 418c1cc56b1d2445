/** Keys, room and quota of etcd 3.5.30, by the coordinator's commands. */
import { dataRoomRows } from '../worlds/loopback/data-room-rows.js';

dataRoomRows('3.5.30');
