/** Which hosts, and what is no host. */
import { expect, it } from 'vitest';
import { threeNodes } from '../testing/topologies.js';
import { placesOf } from '../topology/places.js';
import { parseTopology } from '../topology/read.js';
import { inParallel } from './in-parallel.js';
import { manualText } from './manual.js';
import { checkedSshOptions, targetsOf } from './targets.js';

const places = placesOf(parseTopology(threeNodes, 'c.yaml', () => '').topology);
const [first, second] = places;
const hosts = (names: string[], mapping: string[] = []) =>
  targetsOf(places, names, mapping).map(({ place, host }) => `${place.name} ${host}`);

it('all nodes at their addresses, or those that are named, each where it is mapped to', () => {
  expect(hosts([])).toEqual(places.map(({ name, address }) => `${name} ${address}`));
  expect(hosts([second!.name], [`${second!.name}=ann@bastion-2`])).toEqual([`${second!.name} ann@bastion-2`]);
});

it.each(['-oProxyCommand=id', 'a b', 'a;b', '$(id)', '', 'a@-b'])('%j is no host', (host) => {
  expect(() => hosts([], [`${first!.name}=${host}`])).toThrow('NODE=HOST');
});

it('an unknown node is named', () => {
  expect(() => hosts(['n9'])).toThrow('no node n9');
  expect(() => hosts([], ['n9=h'])).toThrow('NODE=HOST');
});

it('host keys cannot be left unchecked', () => {
  expect(checkedSshOptions(['Port=2222', 'StrictHostKeyChecking=accept-new'])).toHaveLength(2);
  for (const option of ['StrictHostKeyChecking=no', 'stricthostkeychecking off']) {
    expect(() => checkedSshOptions([option])).toThrow('always checked');
  }
  expect(() => checkedSshOptions(['Port'])).toThrow('KEY=VALUE');
});

it('no more than so many run at a time, and outcomes are in order', async () => {
  let now = 0;
  let most = 0;
  const outcomes = await inParallel([3, 1, 2, 0], 2, async (n) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, n));
    now -= 1;
    return n * 10;
  });
  expect(outcomes).toEqual([30, 10, 20, 0]);
  expect(most).toBe(2);
});

it('without ssh there are three commands for each host, and no secret among them', () => {
  const file = (kind: 'deb' | 'rpm', path: string) => ({
    kind,
    version: '1',
    machine: undefined,
    path,
    sha256: '',
  });
  const files = [file('deb', '/x/etcd-agent_1_all.deb'), file('rpm', '/x/etcd-agent-1-1.noarch.rpm')];
  const [text] = manualText(places, { kind: 'files', files }).split('\n\n');
  const commands = text!.split('\n').filter((line) => !line.startsWith('#'));
  expect(commands).toEqual([
    'apt-get install -y ./etcd-agent_1_all.deb',
    expect.stringMatching(
      new RegExp(`^etcd-agent enrol --token-file - +# .*coordinator token ${first!.name}`),
    ),
    'systemctl enable --now etcd-agent',
  ]);
  expect(text).toContain("# or: dnf install -y --disablerepo='*' ./etcd-agent-1-1.noarch.rpm");
});
