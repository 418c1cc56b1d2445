// npm run test:hosts -- [--seed S] [--rounds N] [vitest arguments]: sets up what is missing, makes the lab, which is kept, and
// runs the tests on booted hosts, two files at a time, each with a lab of its own. `--seed` and `--rounds` are of the random
// rounds. It needs root and Debian 12. Exit code 0 only when all tests passed.
import { Failure, runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';
import { conclude, runVitest } from './setup/vitest.mjs';

await runScript(async () => {
  const { seed, rounds, others } = options(process.argv.slice(2));
  if (rounds !== undefined && !/^[1-9]\d{0,4}$/.test(rounds))
    throw new Failure({
      what: `--rounds ${rounds} is not a number above 0`,
      where: 'npm run test:hosts',
      next: 'npm run test:hosts -- --rounds 100 --seed 7 rounds',
    });
  const { etcd, missing } = await prepare({ forTests: true });
  const code = await runVitest('hosts', ['--project', 'hosts', ...others], {
    ...process.env,
    // Who asks for hosts is not served by skipping them.
    CI: 'true',
    ETCD_BIN: etcd,
    ...(seed === undefined ? {} : { ETCD_AGENT_TEST_SEED: seed }),
    ...(rounds === undefined ? {} : { ETCD_AGENT_TEST_ROUNDS: rounds }),
  });
  return conclude(['hosts'], [code], { missing });
});

/** Ours, and what is vitest's. */
function options([word, ...rest]) {
  if (word === undefined) return { others: [] };
  const own = /^--(seed|rounds)(?:=(.*))?$/.exec(word);
  if (own === null) {
    const { others, ...found } = options(rest);
    return { ...found, others: [word, ...others] };
  }
  const [, name, value = rest.shift() ?? ''] = own;
  return { [name]: value, ...options(rest) };
}
