/** An agent that does not answer: why, and what to run where. */
import { expect, it } from 'vitest';
import { threeNodes } from '../testing/topologies.js';
import { placesOf } from '../topology/places.js';
import { parseTopology } from '../topology/read.js';
import { diagnose } from './diagnosis.js';

const place = placesOf(parseTopology(threeNodes, 'c.yaml', () => '').topology)[0]!;

it('a unit that does not run, with the last of its log', () => {
  const { parts } = diagnose(place, 'unit failed\nlog the configuration has problems\n', true);
  expect(parts).toMatchObject({ exit: 'unreachable', what: expect.stringContaining('its unit is failed') });
  expect(parts.where).toContain('its log: the configuration has problems');
});

it('a firewall on the host, with its own command for the three ports', () => {
  const { parts } = diagnose(place, 'unit active\nfirewall firewalld\n', false);
  expect(parts.cause).toContain('firewalld');
  expect(parts.next).toContain(
    'firewall-cmd --permanent --add-port={2379,2380,2400}/tcp && firewall-cmd --reload',
  );
  expect(diagnose(place, 'unit active\nfirewall ufw\n', false).parts.next).toContain(
    'ufw allow 2379,2380,2400/tcp',
  );
});

it('a firewall somewhere on the way', () => {
  expect(diagnose(place, 'unit active\n', false).parts).toMatchObject({
    cause: expect.stringContaining('between'),
    next: expect.stringContaining('2379, 2380, 2400'),
  });
});

it('a port of the topology that the agent does not have', () => {
  const { parts } = diagnose({ ...place, agentPort: 2500 }, 'unit active\n', true);
  expect(parts.next).toContain('listen: 0.0.0.0:2500');
});
