/** The agent's own code as the simulated world uses it, with the types that come out of it. */
import { agentCore } from '@etcd-agent/agent';

export type {
  AgentHost,
  CallContext,
  Caretaker,
  DataDirOrder,
  HealParts,
  StoredIdentity,
} from '@etcd-agent/agent';
export type AgentCore = Awaited<ReturnType<typeof agentCore>>;

export { agentCore };
