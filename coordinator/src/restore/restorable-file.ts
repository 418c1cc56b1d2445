/** The snapshot that a person names, read once from end to end: whether it is whole, whose it is, and whose data it looks like. */
import { checkSnapshotFile, type SnapshotFile } from '../snapshots/snapshot-file.js';

export interface RestorableFile extends SnapshotFile {
  /** There are keys in it as Kubernetes and OpenShift have them, whose clients rely on revisions that only rise. */
  readonly isKubernetes: boolean;
}

/** With these the keys of Kubernetes and OpenShift begin, as they stand in the pages of the database. */
const kubernetesKeys = ['/registry/', '/kubernetes.io/', '/openshift.io/'];
const longest = Math.max(...kubernetesKeys.map(({ length }) => length));

/** Throws Failure where it cannot be read, or is damaged or cut short. */
export async function readRestorable(name: string): Promise<RestorableFile> {
  let rest = Buffer.alloc(0);
  let isKubernetes = false;
  const file = await checkSnapshotFile(name, (chunk) => {
    if (isKubernetes) return;
    // A key may lie across two chunks.
    const seen = Buffer.concat([rest, chunk]);
    isKubernetes = kubernetesKeys.some((key) => seen.includes(key));
    rest = Buffer.from(seen.subarray(-(longest - 1)));
  });
  return { ...file, isKubernetes };
}
