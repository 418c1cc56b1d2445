/**
 * What the facts that the agents report mean for a cluster that is about to begin. Pure; every check of every node gives
 * its finding, so that an operator sees everything at once.
 */
import type { Expectation, Finding, NodeReport } from './findings.js';
import { account, dataDir, etcdBinary, etcdVersion, unit } from './judge-etcd.js';
import { clock, disk } from './judge-host.js';
import { address, port, reach, sourceAddress } from './judge-network.js';

export function judge(reports: readonly NodeReport[], expected: Expectation | undefined): Finding[] {
  return reports.flatMap((report) => [
    clock(report),
    etcdBinary(report),
    etcdVersion(report, reports, expected),
    unit(report),
    account(report),
    address(report),
    port(report, 'client'),
    port(report, 'peer'),
    dataDir(report, expected),
    ...disk(report),
    ...reach(report),
    sourceAddress(report),
  ]);
}
