export * from './accounts.js';
export { changedAt } from './changed-at.js';
export * from './clock.js';
export * from './closed-place.js';
export { waitingForDisk } from './disk-wait.js';
export * from './environment-file.js';
export * from './exclusive.js';
export * from './facts.js';
export { FileError } from './file-error.js';
export * from './files.js';
export * from './growing-file.js';
export { type GrpcCall, grpcStream } from './grpc-stream.js';
export * from './large-file.js';
export * from './link-channel.js';
export * from './link-client.js';
export * from './link-server.js';
export { linuxFiles } from './linux-files.js';
export * from './logger.js';
export { type FileSystemView, fileSystemOf } from './mounts.js';
export * from './ports.js';
export {
  currentBootId,
  isSameProcess,
  type ProcessIdentity,
  type ProcessLookup,
  processesWithArgument,
  processIdentity,
  signal,
} from './processes.js';
export * from './run.js';
export {
  type Notify,
  type NotifySettings,
  notifySettings,
  systemdNotify,
} from './service-notify.js';
export * from './services.js';
export * from './services-process.js';
export {
  type SystemdOptions,
  type SystemdServiceManager,
  systemdServices,
  type UnitReading,
} from './services-systemd.js';
export * from './settle-tree.js';
export * from './start-condition.js';
export { supervisedProcess } from './supervision-record.js';
export {
  type TransientEnd,
  type TransientUnit,
  type TransientUnits,
  transientUnits,
} from './transient-unit.js';
export { renderBaseUnit, renderDropIn, unitFileHead } from './unit-file.js';
