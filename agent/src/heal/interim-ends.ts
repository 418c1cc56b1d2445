/** How the last runs of etcd ended, by a few of its messages. */
interface RunEnd {
  readonly kind: 'running' | 'unknown' | 'known';
  readonly code: string;
  readonly text: string;
}

const banner = /etcd Version: |starting etcd|"msg":"starting an etcd server"|Running: .*etcd/;
const known: readonly (readonly [RegExp, string])[] = [
  [/tocommit\(\d+\) is out of range/, 'tocommit'],
  [/crc mismatch/, 'walCrc'],
  [
    /invalid database|file size too small|version mismatch|checksum error|failed to get all reachable pages/,
    'bolt',
  ],
  [/failed to find database snapshot file|snap: /, 'snap'],
];

export function judgeEnds(text: string): { readonly runs: readonly RunEnd[] } {
  const starts = text.split('\n').reduce<string[][]>((runs, line) => {
    if (banner.test(line) && (runs.at(-1)?.length ?? 2) > 1) runs.push([]);
    if (runs.length === 0) runs.push([]);
    runs.at(-1)!.push(line);
    return runs;
  }, []);
  return {
    runs: starts.map((lines): RunEnd => {
      const line = lines.find((each) => known.some(([pattern]) => pattern.test(each)));
      const code = known.find(([pattern]) => line !== undefined && pattern.test(line))?.[1];
      return code === undefined
        ? { kind: 'unknown', code: '', text: lines.filter((each) => each !== '').at(-1) ?? '' }
        : { kind: 'known', code, text: line! };
    }),
  };
}

export function isCorruption(_code: string): boolean {
  return true;
}
