/** Three of five wiped on etcd 3.5.30. */
import { tellRecoverRows } from '../worlds/loopback/recover-rows.js';

tellRecoverRows('3.5.30', 5, 'wiped');
