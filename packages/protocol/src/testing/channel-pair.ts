/**
 * Two channels in memory, joined: what one sends, the other gets in a later microtask, in order. For tests of the
 * peer; timing, loss and limits of a real link are not here.
 */
import type { Channel } from '../channel.js';

export interface TestChannel extends Channel {
  /** Every frame this end has sent. */
  readonly sent: readonly string[];
  /** How this end was closed, by whichever side. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
}

export function channelPair(): readonly [TestChannel, TestChannel] {
  const left = new End();
  const right = new End();
  left.other = right;
  right.other = left;
  return [left, right];
}

class End implements TestChannel {
  readonly sent: string[] = [];
  closed: { code: number; reason: string } | undefined;
  other!: End;
  private readonly early: string[] = [];
  private frame = (text: string): void => void this.early.push(text);
  private readonly closeListeners: ((code: number, reason: string) => void)[] = [];

  send(text: string): void {
    if (this.closed !== undefined) return;
    this.sent.push(text);
    queueMicrotask(() => this.other.frame(text));
  }

  onFrame(listener: (text: string) => void): void {
    this.frame = listener;
    for (const text of this.early.splice(0)) listener(text);
  }

  onClose(listener: (code: number, reason: string) => void): void {
    if (this.closed !== undefined) listener(this.closed.code, this.closed.reason);
    else this.closeListeners.push(listener);
  }

  close(code: number, reason: string): void {
    for (const end of [this, this.other]) queueMicrotask(() => end.end(code, reason));
  }

  private end(code: number, reason: string): void {
    if (this.closed !== undefined) return;
    this.closed = { code, reason };
    for (const listener of this.closeListeners) listener(code, reason);
  }
}
