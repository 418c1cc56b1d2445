// The benchmark's arguments and their defaults.
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { findEtcd, versionDefault } from '../bootstrap/find-etcd.mjs';

export const usage = `npm run bench -- data [options]
  --only NAME       one measurement, may be given several times (all): delete, memory, restore, save
  --keys N          how many keys are listed and deleted (1000000)
  --rounds N        pairs of floor and ours (1)
  --etcd PATH|VERSION  the etcd to run, with its etcdctl beside it (3.4.23)
  -o table|json     what to print on stdout (table)
  --keep            leave the directory with logs behind
`;

export function readArguments(args, root, names) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        only: { type: 'string', multiple: true, default: names },
        keys: { type: 'string', default: '1000000' },
        rounds: { type: 'string', default: '1' },
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
  const unknown = values.only.find((name) => !names.includes(name));
  if (unknown !== undefined) return { kind: 'usage', problem: `--only ${unknown}` };
  const wrong = ['keys', 'rounds'].find((name) => !/^[1-9]\d{0,7}$/.test(values[name]));
  if (wrong !== undefined) return { kind: 'usage', problem: `--${wrong} ${values[wrong]}` };
  if (!['table', 'json'].includes(values.output)) return { kind: 'usage', problem: `-o ${values.output}` };
  const etcd = findEtcd(values.etcd, root);
  if (etcd === undefined) return { kind: 'usage', problem: `no etcd ${values.etcd ?? versionDefault}` };
  return {
    kind: 'run',
    only: values.only,
    keys: Number(values.keys),
    rounds: Number(values.rounds),
    timing: { heartbeatMs: 100, electionMs: 1000 },
    etcd,
    etcdctl: join(dirname(etcd), 'etcdctl'),
    output: values.output,
    keep: values.keep,
  };
}
