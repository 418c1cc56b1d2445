/** One client per etcd endpoint, kept open between looks: a TLS handshake every two seconds would be most of their cost. */
import type { EtcdAdmin } from '@etcd-agent/etcd';
import type { AgentHost } from '../host.js';

/** Longest wait for one answer: a voter that takes longer is not healthy. */
export const answerMsMax = 2_000;

export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export class EtcdClients {
  private readonly open = new Map<string, { readonly made: Credentials; readonly admin: EtcdAdmin }>();

  constructor(private readonly host: Pick<AgentHost, 'connectEtcd'>) {}

  /** Credentials are fixed for a connection: after a renewal there is another one. */
  async at(endpoint: string, credentials: Credentials): Promise<EtcdAdmin> {
    const known = this.open.get(endpoint);
    if (known !== undefined && same(known.made, credentials)) return known.admin;
    known?.admin.close();
    const admin = await this.host.connectEtcd({ endpoint, ...credentials, deadlineMs: answerMsMax });
    this.open.set(endpoint, { made: credentials, admin });
    return admin;
  }

  close(): void {
    for (const { admin } of this.open.values()) admin.close();
    this.open.clear();
  }
}

function same(a: Credentials, b: Credentials): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca;
}
