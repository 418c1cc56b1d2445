/**
 * What the facts that the agents report mean for a cluster that is about to begin. Pure; every check of every node gives
 * its finding, so that an operator sees everything at once.
 */
import { type Expectation, type Finding, finding, type NodeReport } from './findings.js';
import { account, dataDir, etcdBinary, etcdVersion, unit } from './judge-etcd.js';
import { clock, disk, memory, snapshots } from './judge-host.js';
import { address, port, reach, sourceAddress } from './judge-network.js';

/** `toInstall`: what a bootstrap would put where first; the etcd that is there now is not judged on those nodes. */
export function judge(
  reports: readonly NodeReport[],
  expected: Expectation | undefined,
  toInstall: ReadonlyMap<string, string> = new Map(),
): Finding[] {
  const stays = reports.filter(({ place }) => !toInstall.has(place.name));
  return reports.flatMap((report) => [
    clock(report),
    ...(stays.includes(report)
      ? [etcdBinary(report), etcdVersion(report, stays, expected), unit(report), account(report)]
      : [
          finding(report.place, 'etcd', 'ok', `bootstrap installs it: ${toInstall.get(report.place.name)}`),
          unit(report),
        ]),
    address(report),
    port(report, 'client'),
    port(report, 'peer'),
    dataDir(report, expected),
    ...disk(report),
    ...memory(report),
    // What restores them comes with etcd.
    ...(stays.includes(report) ? snapshots(report) : []),
    ...reach(report),
    sourceAddress(report),
  ]);
}
