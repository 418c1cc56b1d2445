/**
 * How etcd's last runs ended, from the tail of its log: what it died on, told apart by code. A repair rests on this, so
 * that only known words count, and of those only the ones that a dying etcd writes, never a warning of a healthy one.
 *
 * Give it enough of the log: the words stand before the traces of all goroutines, which are tens of kilobytes.
 */
import { readLine, variablesStage } from './end-lines.js';
import type { EndCode } from './end-table.js';
import { endTable } from './end-table.js';

export type RunEnd =
  /** The newest run, and nothing says that it ended: it runs, or was killed. */
  | { readonly kind: 'running'; readonly text: string }
  /** It ended, and on words that are not known; or without any, as by SIGKILL or a power cut. */
  | { readonly kind: 'unknown'; readonly text: string }
  /** `text` is what etcd said, without time and place. */
  | { readonly kind: 'known'; readonly code: EndCode; readonly text: string };

/** Judges every run in the text, oldest first. The first may have lost its beginning. No runs for an empty text. */
export function judgeEnds(logTail: string): { readonly runs: readonly RunEnd[] } {
  const runs = splitRuns(logTail);
  return { runs: runs.map((run, at) => judge(run, at === runs.length - 1)) };
}

interface Run {
  /** Everything that was said, to the last. */
  readonly texts: string[];
  /** What it died on, in order: a panic is often followed by another. */
  readonly lastWords: string[];
  stage: number;
  ended: boolean;
}

function splitRuns(logTail: string): Run[] {
  const runs: Run[] = [];
  let run: Run | undefined;
  for (const line of logTail.split('\n')) {
    if (line.trim() === '') continue;
    const { text, last, ended, stage } = readLine(line.trimEnd());
    if (run === undefined || beginsAnother(run, stage)) {
      run = { texts: [], lastWords: [], stage: 0, ended: false };
      runs.push(run);
    }
    run.stage = Math.max(run.stage, stage);
    run.ended ||= ended;
    if (last) run.lastWords.push(text);
    run.texts.push(text);
  }
  return runs;
}

/** A start goes from stage to stage; what goes back, or follows last words, is another one. */
function beginsAnother(run: Run, stage: number): boolean {
  if (stage === 0) return false;
  if (run.lastWords.length > 0 || run.ended || stage < run.stage) return true;
  return stage === run.stage && stage !== variablesStage;
}

function judge({ texts, lastWords, ended }: Run, newest: boolean): RunEnd {
  for (const { code, pattern, where } of endTable) {
    const text = (where === 'any' ? texts : lastWords).find((each) => pattern.test(each));
    if (text !== undefined) return { kind: 'known', code, text };
  }
  const [words] = lastWords;
  if (words !== undefined) return { kind: 'unknown', text: words };
  return { kind: newest && !ended ? 'running' : 'unknown', text: texts.at(-1) ?? '' };
}
