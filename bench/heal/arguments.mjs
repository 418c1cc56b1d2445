// The benchmark's arguments and their defaults.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { findEtcd, versionDefault } from '../bootstrap/find-etcd.mjs';

export const usage = `npm run bench -- heal [cases] [options]
cases (none: all but --gib)
  --wiped-follower    a follower is killed and its data deleted, under a client that writes
  --wiped-leader      the same with the leader
  --killed            an etcd process is killed, of a follower and of the leader
  --load              agents on beside agents off under a bounded write load
  --idle              CPU and memory of agents that have nothing to do
  --gib               a wiped follower of a cluster that holds 1 GiB (about 10 GB of disk, some minutes)
options
  --rounds N          pairs of floor and ours for each kind of fault, and of on and off (7)
  --timing H/E        heartbeat and election time in ms (100/1000)
  --idle-seconds N    how long idle agents are watched (60)
  --gib-rounds N      pairs with 1 GiB (1)
  --etcd PATH|VERSION the etcd to run: a path, or a version that npm test has fetched (3.4.23, else ETCD_BIN)
  -o table|json       what to print on stdout (table)
  --keep              leave the directory with logs behind
`;

const cases = ['wiped-follower', 'wiped-leader', 'killed', 'load', 'idle', 'gib'];

export function readArguments(args, root) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        ...Object.fromEntries(cases.map((name) => [name, { type: 'boolean', default: false }])),
        rounds: { type: 'string', default: '7' },
        timing: { type: 'string', default: '100/1000' },
        'idle-seconds': { type: 'string', default: '60' },
        'gib-rounds': { type: 'string', default: '1' },
        etcd: { type: 'string' },
        output: { type: 'string', short: 'o', default: 'table' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return { kind: 'usage', problem: error.message };
  }
  if (values.help) return { kind: 'usage' };
  const numbers = ['rounds', 'idle-seconds', 'gib-rounds'];
  const wrong = numbers.find((name) => !/^[1-9]\d{0,2}$/.test(values[name]));
  if (wrong !== undefined) return { kind: 'usage', problem: `--${wrong} ${values[wrong]}` };
  const timing = /^(\d{2,5})\/(\d{2,5})$/.exec(values.timing);
  if (timing === null) return { kind: 'usage', problem: `--timing ${values.timing}` };
  if (!['table', 'json'].includes(values.output)) return { kind: 'usage', problem: `-o ${values.output}` };
  const etcd = findEtcd(values.etcd, root);
  if (etcd === undefined) return { kind: 'usage', problem: `no etcd ${values.etcd ?? versionDefault}` };
  const named = cases.filter((name) => values[name]);
  return {
    kind: 'run',
    cases: new Set(named.length > 0 ? named : cases.filter((name) => name !== 'gib')),
    rounds: Number(values.rounds),
    gibRounds: Number(values['gib-rounds']),
    idleSeconds: Number(values['idle-seconds']),
    timing: { heartbeatMs: Number(timing[1]), electionMs: Number(timing[2]) },
    etcd,
    learners: knowsLearners(etcd),
    output: values.output,
    keep: values.keep,
  };
}

function knowsLearners(etcd) {
  const [, minor] = /3\.(\d+)/.exec(execFileSync(etcd, ['--version'], { encoding: 'utf8' }));
  return Number(minor) >= 4;
}
