/** The checks between nodes: addresses, ports, who reaches whom, and from where. Pure. */
import type { PreflightFacts } from '@etcd-agent/protocol';
import { canonicalAddress } from '../topology/addresses.js';
import type { NodePlace } from '../topology/places.js';
import { type Finding, finding, type NodeReport } from './findings.js';

export function address({ place, facts }: NodeReport): Finding {
  const here =
    facts.addresses.map(canonicalAddress).includes(canonicalAddress(place.address)) ||
    isLoopbackOf(place, facts);
  return here
    ? finding(place, 'address', 'ok', place.address)
    : finding(
        place,
        'address',
        'fail',
        `${place.address} is not on this host, which has ${facts.addresses.join(', ')}`,
        'correct the address in cluster.yaml in the state directory',
      );
}

// All of 127.0.0.0/8 is on every host, though interfaces show only 127.0.0.1.
function isLoopbackOf({ address: own }: NodePlace, { addresses }: PreflightFacts): boolean {
  return own.startsWith('127.') && addresses.includes('127.0.0.1');
}

export function port({ place, facts }: NodeReport, door: 'client' | 'peer'): Finding {
  const state = facts.ports[door];
  const number = door === 'client' ? place.clientPort : place.peerPort;
  const at = `${place.address} port ${number}`;
  const check = `port-${door}`;
  switch (state.kind) {
    case 'listening':
      return finding(place, check, 'ok', `${at} is free`);
    case 'ownEtcd':
      return finding(place, check, 'ok', `${at} is held by the etcd of this agent`);
    case 'inUse':
      return finding(
        place,
        check,
        'fail',
        `${at} is taken by another program`,
        `on ${place.name}: ss -ltnp sport = :${number}`,
      );
    case 'notLocal':
      return finding(
        place,
        check,
        'fail',
        `${place.address} is not on this host`,
        'correct the address in cluster.yaml in the state directory',
      );
    case 'failed':
      return finding(
        place,
        check,
        'fail',
        `${at}: ${state.why}`,
        `correct the port in cluster.yaml in the state directory, or what stops etcd-agent from listening there`,
      );
  }
}

export function reach({ place, probes }: NodeReport): Finding[] {
  return (['agent', 'client', 'peer'] as const).map((door) => {
    const failed = probes.flatMap(({ target, outcome }) =>
      target.door === door && outcome.kind === 'failed'
        ? [`${target.node} (${target.endpoint.host} port ${target.endpoint.port}): ${outcome.why}`]
        : [],
    );
    const count = probes.filter(({ target }) => target.door === door).length;
    return failed.length === 0
      ? finding(
          place,
          `reach-${door}`,
          'ok',
          count === 0 ? 'no other node' : `reaches ${count} node${count === 1 ? '' : 's'}`,
        )
      : finding(
          place,
          `reach-${door}`,
          'fail',
          `does not reach ${failed.join('; ')}`,
          'open the port in the firewalls between the hosts',
        );
  });
}

// etcd compares the address that a peer's connection comes from with the addresses in its certificate.
export function sourceAddress({ place, probes }: NodeReport): Finding {
  const own = canonicalAddress(place.address);
  const seen = probes.flatMap(({ target, outcome }) =>
    outcome.kind === 'reached' && canonicalAddress(outcome.sourceAddress) !== own
      ? [`${target.node} sees it come from ${outcome.sourceAddress}`]
      : [],
  );
  return seen.length === 0
    ? finding(place, 'source-address', 'ok', 'others see it come from its own address')
    : finding(
        place,
        'source-address',
        'fail',
        `${[...new Set(seen)].join('; ')}, but its certificate names ${place.address}`,
        'use that address for the node, or remove the NAT or the route between the hosts',
      );
}
