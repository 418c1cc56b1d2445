/** Sizes for people. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** With three digits at least that tell: `992 B`, `20.1 KiB`, `1.00 GiB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(value >= 1000 ? 4 : 3)} ${units[unit]}`;
}
