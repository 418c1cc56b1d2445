/** Walks through the keys of a range, a page at a time, without their values. What it holds is one page. */
import { EtcdError, type KeyClient, type KeyPage, type KeyRange, keyAfter } from '@etcd-agent/etcd';
import { nextStride, type Stride, windowAt } from './plan/window.js';

/** Bytes of one page: some thousand keys as long as keys are, and few where they are long. */
export const pageBytesMax = 4 * 1024 * 1024;

export interface Walk {
  readonly range: KeyRange;
  /** Asked before each page. */
  readonly limit: () => number;
  /** As of when: a page of a revision that is gone fails as `compacted`. "0": each page as of its own moment. */
  readonly revision: string;
  readonly call: <T>(run: (client: Pick<KeyClient, 'page'>) => Promise<T>) => Promise<T>;
}

/** Pages in order; none is empty. */
export async function* walkKeys({ range, limit, revision, call }: Walk): AsyncGenerator<KeyPage> {
  let from = range.from;
  let stride: Stride | undefined;
  let most = Number.POSITIVE_INFINITY;
  for (;;) {
    const window = windowAt(from, range, stride);
    const wanted = Math.max(1, Math.min(limit(), most));
    const page = await smallerIfTooLarge(() => call((client) => client.page(window, wanted, revision)));
    if (page === 'tooLarge') {
      if (wanted === 1) throw new EtcdError('tooLarge', '', `a key has more than ${pageBytesMax} bytes`);
      most = Math.floor(wanted / 2);
      continue;
    }
    most *= 2;
    if (page.keys.length > 0) yield page;
    stride = nextStride(stride, page, wanted);
    if (page.count > page.keys.length) from = keyAfter(page.keys.at(-1)!.key);
    else if (window.end === range.end || window.end === 'toLast') return;
    else from = window.end;
  }
}

async function smallerIfTooLarge(read: () => Promise<KeyPage>): Promise<KeyPage | 'tooLarge'> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof EtcdError && error.kind === 'tooLarge') return 'tooLarge';
    throw error;
  }
}
