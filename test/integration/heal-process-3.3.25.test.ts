/** An etcd 3.3.25 whose data is fine: killed, hanging, without its configuration, complained about, beside what is not its own. */
import { tellProcessRows } from '../worlds/loopback/process-rows.js';

tellProcessRows('3.3.25');
