/** What follows from a text alone is worked out once, not at every look: files that are read every second rarely change. */

/** Texts that are kept for one function: of each file that is looked at, and what stood in it before. */
const textsMax = 32;

/** The same function, which remembers what it returned for the last texts. What it returns must not be changed. */
export function oncePerText<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (known.has(text)) return known.get(text) as T;
    const value = compute(text);
    const [oldest] = known.keys();
    if (known.size >= textsMax && oldest !== undefined) known.delete(oldest);
    known.set(text, value);
    return value;
  };
}
