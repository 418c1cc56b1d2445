export * from './accounts.js';
export * from './clock.js';
export { FileError } from './file-error.js';
export * from './files.js';
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
