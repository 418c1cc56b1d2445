/** A restore on real etcd 3.3, whose etcdctl does it, and taking it back. */
import { tellPlainRestore } from '../worlds/loopback/restore-rows.js';

tellPlainRestore('3.3.25');
