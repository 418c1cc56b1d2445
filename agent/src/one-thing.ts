/** One long piece of work at a time, for whoever asks: a second coordinator, or a second call of a confused one, comes back. */
import { Fault } from '@etcd-agent/protocol';

export class OneThing {
  private busyWith: string | undefined;

  /** What is under way, such as `receiving a file`. */
  get current(): string | undefined {
    return this.busyWith;
  }

  /** Throws a Fault of kind `busy` while something else is under way. */
  async only<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (this.busyWith !== undefined) throw new Fault('busy', `this agent is ${this.busyWith}`);
    this.busyWith = what;
    try {
      return await act();
    } finally {
      this.busyWith = undefined;
    }
  }
}
