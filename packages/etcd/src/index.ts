/** `@etcd-agent/etcd`: etcd's own rules as values, and the client of one etcd endpoint. */
export type {
  Alarm,
  EtcdAdmin,
  EtcdErrorKind,
  KeyHash,
  LockOutcome,
  Member,
  MemberStatus,
} from './admin.js';
export { EtcdError } from './admin.js';
export type { Backend, BackendSum } from './backend.js';
export { readBackend, sumBackend } from './backend.js';
export type { ReadAt } from './bolt.js';
export { BoltError, lastTransaction } from './bolt.js';
export type { ParsedEtcdConf } from './conf-parse.js';
export { parseEtcdConf, parseInitialCluster } from './conf-parse.js';
export { renderEtcdConf, renderInitialCluster } from './conf-render.js';
export type { EtcdConfSettings, InitialClusterState, InitialMember, TlsFiles } from './conf-settings.js';
export {
  checkSettings,
  EtcdConfError,
  electionTimeoutMsMax,
  heartbeatsPerElectionMin,
} from './conf-settings.js';
export type { CorruptionCode, EndCode, OtherEndCode } from './end-table.js';
export { isCorruption, meaningOf } from './end-table.js';
export type { RunEnd } from './end-words.js';
export { judgeEnds } from './end-words.js';
export type { EnvAssignment, EnvFile, EnvLine, EnvProblem } from './env-file.js';
export { parseEnvFile, quoteEnvValue, replaceValues } from './env-file.js';
export { connectEtcd } from './etcd3-admin.js';
export type { EtcdConnection } from './etcd3-client.js';
export type { KeyConnection } from './etcd3-keys.js';
export { connectKeys } from './etcd3-keys.js';
export { connectRoom } from './etcd3-room.js';
export { connectSnapshots } from './etcd3-snapshots.js';
export type { ClusterId, MemberId } from './ids.js';
export {
  bootstrapMemberId,
  clusterId,
  clusterIdFromUint64,
  clusterIdOf,
  memberId,
  memberIdFromUint64,
} from './ids.js';
export type { KeyClient, KeyFacts, KeyPage, KeyValue } from './key-client.js';
export type { KeyRange } from './key-range.js';
export { compareKeys, foreignRanges, isInRange, keyAfter, ownKeyPrefix, prefixRange } from './key-range.js';
export { hasQuorum, quorum, tolerates } from './quorum.js';
export type { DatabaseSizes, RoomClient } from './room-client.js';
export type { RunbookDifference } from './runbook-differences.js';
export { differences } from './runbook-differences.js';
export type { SnapshotChunk, SnapshotClient } from './snapshot-client.js';
export type { SnapshotSeal, SnapshotSum } from './snapshot-digest.js';
export { SnapshotDigest } from './snapshot-digest.js';
export type { EtcdUnit, UnitStyle } from './unit-style.js';
export { classifyUnit, parseUnit } from './unit-style.js';
export type { EtcdMinor, EtcdVersion, MinorFeatures, VersionFeatures, VersionJudgement } from './versions.js';
export {
  compareVersions,
  featuresOf,
  isAtLeast,
  judgeVersion,
  minorOf,
  parseEtcdVersion,
} from './versions.js';
export type { WalMetadata } from './wal.js';
export { isWalSegment, readWalMetadata, walHeadBytes } from './wal.js';
export { frameHeadBytes, readFrameHead } from './wal-record.js';
export type { RaftPosition, WalPosition, WalTail } from './wal-tail.js';
export { comparePositions, isBehind, WalTailReader } from './wal-tail.js';
