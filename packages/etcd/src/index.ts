/** `@etcd-agent/etcd`: etcd's own rules as values, and the client of one etcd endpoint. */
export type { Alarm, EtcdAdmin, EtcdErrorKind, Member, MemberStatus } from './admin.js';
export { EtcdError } from './admin.js';
export type { EtcdConnection } from './etcd3-admin.js';
export { connectEtcd } from './etcd3-admin.js';
export type { ClusterId, MemberId } from './ids.js';
export {
  bootstrapMemberId,
  clusterId,
  clusterIdFromUint64,
  clusterIdOf,
  memberId,
  memberIdFromUint64,
} from './ids.js';
export { hasQuorum, quorum, tolerates } from './quorum.js';
export type { EtcdMinor, EtcdVersion, MinorFeatures, VersionJudgement } from './versions.js';
export {
  compareVersions,
  featuresOf,
  isAtLeast,
  judgeVersion,
  minorOf,
  parseEtcdVersion,
} from './versions.js';
