/** A file that may not be there yet. */
import { FileError, type Files } from '@etcd-agent/platform';

/** The text, or undefined where nothing is at the path. Every other failure is thrown. */
export async function optionalText(files: Files, path: string): Promise<string | undefined> {
  try {
    return await files.readText(path);
  } catch (error) {
    if (error instanceof FileError && error.missing) return undefined;
    throw error;
  }
}
