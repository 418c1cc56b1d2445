/** Why an agent does not answer, from what its host says of itself. Pure. */
import { Failure, type FailureParts } from '../failure.js';
import type { NodePlace } from '../topology/places.js';

const firewallCommands: Readonly<Record<string, (ports: readonly number[]) => string>> = {
  firewalld: (ports) =>
    `firewall-cmd --permanent --add-port={${ports.join(',')}}/tcp && firewall-cmd --reload`,
  ufw: (ports) => `ufw allow ${ports.join(',')}/tcp`,
};

/** `told`: what diagnoseScript printed; `refused`: the host itself answered that nothing listens. */
export function diagnose(place: NodePlace, told: string, refused: boolean): Failure {
  const values = (key: string) =>
    told
      .split('\n')
      .flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1).trim()] : []));
  const unit = values('unit')[0];
  // Of an agent that runs, the log says that it does.
  const log = unit === 'active' ? [] : values('log').map((line) => `its log: ${line}`);
  const where = [`${place.name} (${place.address} port ${place.agentPort})`, ...log];
  return new Failure({
    where,
    ...partsOf(place, unit, values('firewall')[0], refused),
  });
}

function partsOf(
  place: NodePlace,
  unit: string | undefined,
  firewall: string | undefined,
  refused: boolean,
): FailureParts {
  const { name, agentPort, clientPort, peerPort } = place;
  if (unit !== 'active') {
    return {
      exit: 'unreachable',
      what: `etcd-agent does not run on ${name}: its unit is ${unit ?? 'not known'}`,
      next: `on ${name}: journalctl -u etcd-agent -n 50; then run the same command again`,
    };
  }
  if (refused && firewall === undefined) {
    return {
      exit: 'unreachable',
      what: `etcd-agent runs on ${name}, and nothing listens on ${place.address} port ${agentPort}`,
      cause: 'its own configuration has another address or port than the topology',
      next: `on ${name}: listen: 0.0.0.0:${agentPort} in /etc/etcd-agent/agent.yaml, systemctl restart etcd-agent; then run the same command again`,
    };
  }
  const ports = [clientPort, peerPort, agentPort];
  const command = firewall === undefined ? undefined : firewallCommands[firewall]?.(ports);
  return {
    exit: 'unreachable',
    what: `etcd-agent runs on ${name}, and port ${agentPort} of ${place.address} cannot be reached from here`,
    cause:
      firewall === undefined
        ? 'a firewall between here and there drops it'
        : `${firewall} on ${name} drops it, or a firewall on the way`,
    next:
      command === undefined
        ? `let TCP ports ${ports.join(', ')} through to ${name}; then run the same command again`
        : `on ${name}: ${command}; then run the same command again`,
  };
}
