/**
 * What a failed file operation tells: which operation, on which path, and the kernel's errno. Every function of the
 * Files port throws this and nothing else.
 */

/** A file operation failed. `code` is the kernel's errno name (`ENOENT`, `EACCES`, `ENOSPC` …) or `EFBIG` for a read over its limit. */
export class FileError extends Error {
  override readonly name = 'FileError';

  constructor(
    readonly operation: string,
    readonly path: string,
    readonly code: string,
    detail: string,
    cause?: unknown,
  ) {
    super(`cannot ${operation} ${path}: ${detail}`, { cause });
  }

  /** Nothing is at this path. */
  get missing(): boolean {
    return this.code === 'ENOENT' || this.code === 'ENOTDIR';
  }

  /** True when the same call may succeed later without anybody changing the path or its permissions. */
  get retryable(): boolean {
    return ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EINTR', 'EAGAIN', 'EBUSY'].includes(this.code);
  }
}

/** The errno name of a thrown system error, or `UNKNOWN`. */
export function errnoOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}

/** For `.catch`: undefined for a path at which nothing is; anything else is thrown on. */
export function missingAsUndefined(error: unknown): undefined {
  const code = errnoOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return undefined;
  }
  throw error;
}

/** Runs `action`; whatever it throws leaves as a FileError that names `operation` and `path`. */
export async function asFileError<T>(operation: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof FileError) {
      throw error;
    }
    const detail = error instanceof Error ? error.message : String(error);
    throw new FileError(operation, path, errnoOf(error), detail, error);
  }
}
