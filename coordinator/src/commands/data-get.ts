/** `coordinator data get`: the value to stdout as it is, with nothing added; in JSON and YAML beside its revisions. */
import { once } from 'node:events';
import { EtcdError, isInRange, ownKeyPrefix, prefixRange } from '@etcd-agent/etcd';
import { etcdFailure } from '../cluster/etcd-failure.js';
import { keyOf, utf8 } from '../data/key-text.js';
import { openKeys } from '../data/open-keys.js';
import { Failure } from '../failure.js';
import { factsView } from '../output/keys.js';
import type { OutputFormat, View } from '../output/view.js';
import type { CommandContext } from './context.js';

/** etcd takes no more than 1.5 MiB in one request where nobody has told it to. */
const valueBytesMax = 64 * 1024 * 1024;

export async function dataGet(
  { stateDir }: CommandContext,
  text: string,
  format: OutputFormat,
): Promise<View> {
  const key = keyOf(text);
  if (key.length === 0 || isOwn(key)) throw noSuchKey(text);
  const reach = await openKeys(stateDir, valueBytesMax);
  try {
    const found = await reach.call((client) => client.read(key));
    if (found === undefined) throw noSuchKey(text);
    const { value, revision, ...facts } = found;
    if (format === 'table') {
      if (!process.stdout.write(value)) await once(process.stdout, 'drain');
      return { document: undefined, table: undefined };
    }
    const readable = utf8(value);
    return {
      document: {
        kind: 'KeyValue',
        ...factsView(facts),
        revision,
        bytes: value.length,
        valueBase64: Buffer.from(value).toString('base64'),
        ...(readable === undefined ? {} : { value: readable }),
      },
      table: undefined,
    };
  } catch (error) {
    if (error instanceof EtcdError)
      throw etcdFailure(error, `${text} could not be read`, 'coordinator status');
    throw error;
  } finally {
    reach.close();
  }
}

function isOwn(key: Uint8Array): boolean {
  return isInRange(key, prefixRange(Buffer.from(ownKeyPrefix)));
}

function noSuchKey(text: string): Failure {
  return new Failure({
    exit: 'failed',
    what: `there is no key ${text}`,
    next: 'coordinator data list PREFIX --keys',
  });
}
