/** Where a path that may not be there yet would be made: questions about its file system are asked there. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { missingAsUndefined } from './file-error.js';

/** The path itself, or the nearest directory above it that is there. */
export async function nearestExisting(path: string): Promise<string> {
  const status = await stat(path).catch(missingAsUndefined);
  return status === undefined && dirname(path) !== path ? nearestExisting(dirname(path)) : path;
}
