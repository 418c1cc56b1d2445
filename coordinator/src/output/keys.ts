/** A key and its revisions, for json and yaml. */
import type { KeyFacts } from '@etcd-agent/etcd';
import { keyText } from '../data/key-text.js';

export function factsView({ key, createRevision, modRevision, version, lease }: KeyFacts) {
  return { key: keyText(key), createRevision, modRevision, version, lease };
}
