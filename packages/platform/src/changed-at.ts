/** When a file was last changed, as its file system has it: for people to read, and nothing is decided from it. */
import { stat } from 'node:fs/promises';
import { asFileError } from './file-error.js';

/** Rejects with a FileError. */
export function changedAt(path: string): Promise<Date> {
  return asFileError('look at', path, async () => (await stat(path)).mtime);
}
