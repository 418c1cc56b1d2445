// The benchmark's arguments and their defaults.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- data [options]
  --only NAME       one measurement, may be given several times (all): delete, memory, save
  --keys N          how many keys are listed and deleted (1000000)
  --rounds N        pairs of floor and ours (1)
  --etcd PATH|VERSION  the etcd to run, with its etcdctl beside it (3.4.23)
  -o table|json     what to print on stdout (table)
  --keep            leave the directory with logs behind
`;

const versionDefault = '3.4.23';

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
  const found = findEtcd(values.etcd, root);
  if (found === undefined) return { kind: 'usage', problem: `no etcd ${values.etcd ?? versionDefault}` };
  return {
    kind: 'run',
    only: values.only,
    keys: Number(values.keys),
    rounds: Number(values.rounds),
    timing: { heartbeatMs: 100, electionMs: 1000 },
    ...found,
    output: values.output,
    keep: values.keep,
  };
}

function findEtcd(named, root) {
  if (named !== undefined && existsSync(named))
    return { etcd: named, etcdctl: join(dirname(named), 'etcdctl') };
  const index = `${root}/.cache/etcd/index.json`;
  const known = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')) : [];
  const found = known.find(({ version }) => version === (named ?? versionDefault));
  return found === undefined ? undefined : { etcd: found.etcd, etcdctl: found.etcdctl };
}
