/**
 * The keys of a cluster through one member at a time: a healthy one, a follower where there is one, since the leader has more
 * to do. Where it fails another is taken, for a while: every call here may be repeated.
 */
import { connectKeys, EtcdError, type KeyClient } from '@etcd-agent/etcd';
import type { Clock } from '@etcd-agent/platform';
import type { AdminCredentials, ClusterView } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { pickFollower } from './plan/pick-follower.js';

/** A count of ten million keys takes some seconds. */
const callMsMax = 30_000;
/** An election, or a member that restarts, takes some seconds; a quorum that is lost does not come back by itself. */
const patienceMs = 30_000;
const againMs = 500;

export interface KeyReachParts {
  readonly look: () => Promise<ClusterView>;
  readonly credentials: AdminCredentials;
  readonly answerBytesMax: number;
  readonly clock: Clock;
  /** Said while another member is looked for. */
  readonly note?: (text: string) => void;
}

export class KeyReach {
  private current: { readonly node: string; readonly client: KeyClient } | undefined;
  private failedAt: string | undefined;

  constructor(private readonly parts: KeyReachParts) {}

  /** The member that answered last. */
  get through(): string | undefined {
    return this.current?.node;
  }

  /** Fails with EtcdError where nobody answers any more, or at once where asking again cannot help. */
  async call<T>(run: (client: KeyClient) => Promise<T>): Promise<T> {
    const { clock, note } = this.parts;
    const until = clock.monotonicMs() + patienceMs;
    for (;;) {
      try {
        return await run(await this.client());
      } catch (error) {
        const mayPass = (error instanceof EtcdError && error.retryable) || error instanceof NobodyHealthy;
        if (!mayPass || clock.monotonicMs() >= until) throw error;
        note?.(`${error.message}; asking again for up to ${patienceMs / 1_000} s`);
        this.failedAt = this.current?.node ?? this.failedAt;
        this.close();
        await clock.sleep(againMs);
      }
    }
  }

  close(): void {
    this.current?.client.close();
    this.current = undefined;
  }

  private async client(): Promise<KeyClient> {
    if (this.current === undefined) {
      const { look, credentials, answerBytesMax } = this.parts;
      const found = pickFollower(await look(), this.failedAt);
      if (found === undefined) throw new NobodyHealthy();
      const { name: node, endpoint } = found;
      const client = await connectKeys({ endpoint, ...credentials, deadlineMs: callMsMax, answerBytesMax });
      this.current = { node, client };
    }
    return this.current.client;
  }
}

/** No member answers a linearizable read. */
class NobodyHealthy extends Failure {
  constructor() {
    super({
      exit: 'noQuorum',
      what: 'no member answers a linearizable read, so the keys cannot be reached',
      next: 'coordinator status',
    });
  }
}
