/**
 * Links from a command of the coordinator to agents: each call is answered by the agent's own handler, in its process. A link ends
 * with that process; what was asked for goes on without the one who asked.
 */
import { type AgentMethods, agentMethods, type Params, type ResultOf } from '@etcd-agent/protocol';
import type { SimCluster } from './sim-cluster.js';
import type { SimProcess } from './sim-process.js';

export interface SimLink {
  readonly node: string;
  /** What its agent had been told when the link was made. */
  readonly generation: number;
  call<M extends keyof AgentMethods>(
    method: M,
    params: Params<AgentMethods, M>,
  ): Promise<ResultOf<AgentMethods, M>>;
}

/** Told of each call as it is sent, and as its answer arrives. */
export type OnCall = (what: string) => void;

/** An etcd that is stopped has 15 s to end, and its agent may be at a look of its own. */
const callMsMax = 60_000;
const helloMsMax = 5_000;

/** Rejects where no agent answers. */
export async function dial(
  cluster: SimCluster,
  command: SimProcess,
  from: string,
  node: string,
  onCall: OnCall,
): Promise<SimLink> {
  const { clock, network } = cluster;
  const agent = cluster.host(node).agent?.process;
  const ask = <M extends keyof AgentMethods>(
    method: M,
    params: Params<AgentMethods, M>,
    deadlineMs: number,
  ) =>
    command.answer<ResultOf<AgentMethods, M>>(({ resolve, reject }) => {
      onCall(`${method} to ${node}`);
      let settled = false;
      const settle = (act: () => void) => {
        if (settled) return;
        settled = true;
        late();
        act();
      };
      const fail = (why: string) => settle(() => reject(new Error(`${method} to ${node}: ${why}`)));
      const late = clock.after(deadlineMs, () => fail(`no answer within ${deadlineMs} ms`));
      const back = (act: () => void) =>
        clock.after(network.delayMs(node, from), () => {
          if (network.reach(node, from)) act();
        });
      clock.after(network.delayMs(from, node), () => {
        const host = cluster.host(node);
        if (!network.reach(from, node) || !host.powered) return;
        if (agent === undefined || agent.dead || host.agent?.process !== agent) {
          back(() => fail('nobody listens'));
          return;
        }
        agent.deliver(() => {
          const forget = agent.atEnd(() => back(() => fail('its agent has ended')));
          const checked = agentMethods[method].params.parse(params) as Params<AgentMethods, M>;
          host
            .answer(method, checked)
            .then(
              (value) =>
                back(() =>
                  settle(() => {
                    onCall(`answer of ${method} from ${node}`);
                    resolve(value);
                  }),
                ),
              (error: Error) => back(() => fail(error.message)),
            )
            .finally(forget);
        });
      });
    });
  const { generation } = await ask('agent.hello', { coordinatorVersion: 'simulated' }, helloMsMax);
  return { node, generation, call: (method, params) => ask(method, params, callMsMax) };
}
