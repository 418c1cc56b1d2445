/** A place that the unit of this agent keeps from it, and how an operator opens it. */
import { closedPlaceOf } from '@etcd-agent/platform';

export interface OutOfReach {
  readonly why: string;
  readonly next: string;
}

/** Undefined: nothing keeps this agent from it. `setting`: the one of the topology that names the path. */
export async function outOfReach(path: string, setting: string): Promise<OutOfReach | undefined> {
  const closed = await closedPlaceOf(path);
  if (closed === undefined) return undefined;
  const directory = '/etc/systemd/system/etcd-agent.service.d';
  // Of each setting its own: another path may be closed by another one.
  const file = `${directory}/${closed.setting}.conf`;
  return {
    why: `${path} is under ${closed.mountPoint}, which ${closed.setting}= of etcd-agent.service keeps from the agent`,
    next: `another ${setting}, or on the host: mkdir -p ${directory} && printf '[Service]\\n${closed.setting}=no\\n' >${file} && systemctl daemon-reload && systemctl restart etcd-agent`,
  };
}
