/** Sizes as people read them in messages about room. */

/** Whole MB, rounded up. */
export function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}
