/** The PeerLinks port: another host's agent is asked through the simulated network, while it lives. */
import type { PeerView } from '@etcd-agent/protocol';
import type { AgentHost } from './agent-core.js';
import type { SimClock } from './clock.js';
import type { SimNetwork } from './network.js';
import type { SimProcess } from './sim-process.js';

/** What answers on a host's agent port now. */
export interface Listening {
  readonly process: SimProcess;
  readonly peerView: () => PeerView;
}

export interface PeersOutside {
  readonly node: string;
  readonly process: SimProcess;
  readonly clock: SimClock;
  readonly network: SimNetwork;
  /** undefined: nobody listens there, or the host has no power. */
  readonly listening: (node: string) => Listening | 'refused' | 'noPower';
}

export function simPeers({ node, process, clock, network, listening }: PeersOutside): AgentHost['peers'] {
  return {
    view: (peer, _self, deadlineMs) =>
      process.answer(({ resolve, reject }) => {
        let settled = false;
        const once = (act: () => void) => {
          if (settled) return;
          settled = true;
          late();
          act();
        };
        const late = clock.after(deadlineMs, () =>
          once(() => reject(new Error(`${peer.name} did not answer within ${deadlineMs} ms`))),
        );
        clock.after(network.delayMs(node, peer.name), () => {
          if (!network.reach(node, peer.name)) return;
          const other = listening(peer.name);
          if (other === 'noPower') return;
          if (other === 'refused') {
            reply(() => reject(new Error(`${peer.name}: connection refused`)));
            return;
          }
          other.process.deliver(() => {
            const view = other.peerView();
            reply(() => resolve(view));
          });
        });
        const reply = (act: () => void) =>
          clock.after(network.delayMs(peer.name, node), () => {
            if (network.reach(peer.name, node)) once(act);
          });
      }),
    close: () => undefined,
  };
}
