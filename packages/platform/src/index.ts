export * from './accounts.js';
export * from './clock.js';
export * from './exclusive.js';
export { FileError } from './file-error.js';
export * from './files.js';
export * from './link-channel.js';
export * from './link-client.js';
export * from './link-server.js';
export { linuxFiles } from './linux-files.js';
export * from './ports.js';
export {
  currentBootId,
  isSameProcess,
  type ProcessIdentity,
  type ProcessLookup,
  processIdentity,
  signal,
} from './processes.js';
export * from './run.js';
export * from './services.js';
export * from './start-condition.js';
