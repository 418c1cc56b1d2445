/**
 * What can happen to a cluster, as the simulation runs it too, on real hosts that are set up as the runbook has them: its
 * addresses, its files for cfssl, its RSA keys, its timings. An application writes all the time, and loses nothing.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { scenarios } from '../scenarios/index.js';
import { HostsWorld, impatient } from '../worlds/hosts/hosts-world.js';
import { isRunHere, runScenario } from '../worlds/hosts/run-scenario.js';
import type { Lab } from './lab/lab.js';
import { initialiseAsRunbook } from './lab/operator.js';
import { checkout, hostNames } from './lab/places.js';
import { story } from './lab/story.js';

const agentUnit = readFileSync(join(checkout, 'agent', 'systemd', 'etcd-agent.service'), 'utf8');
const scenarioMsMax = 180_000;

await story((host) => host.write('/etc/systemd/system/etcd-agent.service', agentUnit), tell);

function tell(lab: Lab): void {
  let world: HostsWorld;
  afterAll(() => world?.close());

  test("the runbook's topology, with its files for cfssl as they are, is bootstrapped", async () => {
    await initialiseAsRunbook(lab, impatient);
    world = await HostsWorld.start(lab);
    for (const name of hostNames) {
      const conf = await lab.host(name).must('cat', '/etc/etcd/etcd.conf');
      expect(conf).toMatch(/^ETCD_HEARTBEAT_INTERVAL="?500"?$/m);
      expect(conf).toMatch(/^ETCD_ELECTION_TIMEOUT="?2500"?$/m);
    }
  }, 180_000);

  const here = scenarios.filter((each) => each.nodes === 3 && isRunHere(each));
  test.each(here)('$name', (scenario) => runScenario(world, scenario), scenarioMsMax);
}
