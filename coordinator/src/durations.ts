/** Durations as operators write and read them: `500ms`, `10s`, `15m`, `24h`, `7d`. Numbers inside are milliseconds. */

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof units;

/** Milliseconds; undefined where the text is no such duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * units[match[2] as Unit];
}

/** The shortest text that reads back as exactly `ms`. */
export function durationText(ms: number): string {
  const unit = (['d', 'h', 'm', 's', 'ms'] as const).find((each) => ms % units[each] === 0 && ms > 0) ?? 's';
  return `${ms / units[unit]}${unit}`;
}

/** For people, rounded down to the unit that tells most: `12s`, `3m`, `2h`, `5d`. */
export function ageText(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((each) => ms >= 2 * units[each]) ?? 's';
  return `${Math.floor(Math.max(0, ms) / units[unit])}${unit}`;
}
