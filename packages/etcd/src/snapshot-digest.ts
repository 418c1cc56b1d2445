/**
 * Checks a snapshot file's seal while it passes by: etcd appends the SHA-256 of the database to the database, whose size is
 * a multiple of 512. A copy of a member's `db` has no seal. Pure: whoever reads the file feeds it.
 */
import { createHash } from 'node:crypto';

const sealBytes = 32;
const blockBytes = 512;

/** `none`: the size is that of a database without one. */
export type SnapshotSeal = 'right' | 'wrong' | 'none';

export interface SnapshotSum {
  readonly bytes: number;
  /** Of the whole file, seal included, lower-case hex: how a snapshot is called everywhere. */
  readonly sha256: string;
  readonly seal: SnapshotSeal;
}

export class SnapshotDigest {
  private readonly body = createHash('sha256');
  /** The last bytes so far: they may be the seal. */
  private tail: Buffer = Buffer.alloc(0);
  private total = 0;

  update(chunk: Uint8Array): void {
    this.total += chunk.length;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (bytes.length >= sealBytes) {
      this.body.update(this.tail).update(bytes.subarray(0, -sealBytes));
      this.tail = Buffer.from(bytes.subarray(-sealBytes));
      return;
    }
    const joined = Buffer.concat([this.tail, bytes]);
    const surplus = Math.max(joined.length - sealBytes, 0);
    this.body.update(joined.subarray(0, surplus));
    this.tail = joined.subarray(surplus);
  }

  /** To be asked once, at the end. */
  sum(): SnapshotSum {
    const whole = this.body.copy().update(this.tail);
    return { bytes: this.total, sha256: whole.digest('hex'), seal: this.seal() };
  }

  private seal(): SnapshotSeal {
    if (this.total > 0 && this.total % blockBytes === 0) return 'none';
    const hasRoom = this.total > sealBytes && this.total % blockBytes === sealBytes;
    return hasRoom && this.body.digest().equals(this.tail) ? 'right' : 'wrong';
  }
}
