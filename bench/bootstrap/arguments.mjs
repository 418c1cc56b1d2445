// The benchmark's arguments and their defaults.
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- bootstrap [options]
  --rounds N          pairs of floor and ours per set of timings (7)
  --timings H/E,...   heartbeat and election times in ms, one set each (500/2500,100/1000)
  --rsa               one more set: RSA 4096 against floor + key time
  --idle-seconds N    how long the agents are watched while idle; 0 leaves it out (60)
  -o table|json       what to print on stdout (table)
  --keep              leave the directory with logs behind
The etcd is ETCD_BIN.
`;

/** Longest that any one step may take; a cluster that is not up by then is a failure of its own. */
export const stepMsMax = 180_000;

export function readArguments(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        rounds: { type: 'string', default: '7' },
        timings: { type: 'string', default: '500/2500,100/1000' },
        rsa: { type: 'boolean', default: false },
        'idle-seconds': { type: 'string', default: '60' },
        output: { type: 'string', short: 'o', default: 'table' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return { kind: 'usage', problem: error.message };
  }
  if (values.help) return { kind: 'usage' };
  const rounds = wholeNumber(values.rounds);
  const idleSeconds = wholeNumber(values['idle-seconds']);
  const timings = values.timings.split(',').map((text) => /^(\d{2,5})\/(\d{2,5})$/.exec(text));
  if (rounds === undefined || rounds === 0) return { kind: 'usage', problem: `--rounds ${values.rounds}` };
  if (idleSeconds === undefined)
    return { kind: 'usage', problem: `--idle-seconds ${values['idle-seconds']}` };
  if (timings.includes(null)) return { kind: 'usage', problem: `--timings ${values.timings}` };
  if (!['table', 'json'].includes(values.output)) return { kind: 'usage', problem: `-o ${values.output}` };
  const etcd = process.env.ETCD_BIN;
  if (!etcd) return { kind: 'usage', problem: 'ETCD_BIN is not set' };
  return {
    kind: 'run',
    etcd,
    rounds,
    idleSeconds,
    timings: timings.map(([, heartbeat, election]) => ({
      heartbeatMs: Number(heartbeat),
      electionMs: Number(election),
    })),
    rsa: values.rsa,
    output: values.output,
    keep: values.keep,
  };
}

function wholeNumber(text) {
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}
