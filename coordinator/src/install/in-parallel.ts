/** Many at once, but no more than so many. */

/** Outcomes in the order of `items`. Rejects as soon as one `act` does; give it one that does not. */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnceMax: number,
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const outcomes: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next;
      next += 1;
      outcomes[at] = await act(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, worker));
  return outcomes;
}
