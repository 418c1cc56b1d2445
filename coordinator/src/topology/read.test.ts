/** What an operator may get wrong in a topology, and what they are told: file, line, key, what stands there. */
import { describe, expect, it } from 'vitest';
import { Failure } from '../failure.js';
import { showFailure } from '../output/show-failure.js';
import { threeNodes } from '../testing/topologies.js';
import { parseTopology, readTopology } from './read.js';
import { topologyTemplate } from './template.js';

const noFiles = (name: string): string => {
  throw new Failure({ exit: 'usage', what: `cannot read ${name}: there is no such file` });
};

function parse(text: string, files: Record<string, string> = {}) {
  return parseTopology(text, 'c.yaml', (name) => files[name] ?? noFiles(name));
}

/** The Failure that a text gives: its exit code and its lines. */
function problems(text: string, files: Record<string, string> = {}): readonly string[] {
  try {
    parse(text, files);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.exitCode).toBe(2);
    expect(error.parts.what).toMatch(/^c\.yaml has (a problem|\d+ problems)$/);
    expect(error.parts.next).toMatch(/coordinator template/);
    return error.parts.where!;
  }
  throw new Error('the topology was accepted');
}

const nodes = (...lines: string[]) => `name: c1\nnodes:\n${lines.map((line) => `  - ${line}\n`).join('')}`;

describe('a topology', () => {
  it.each([
    ['an unknown key at the top', `colour: red\n${threeNodes}`, 'c.yaml:1: colour is not a known key'],
    [
      'an unknown key of a node',
      nodes('{ name: a, address: 10.0.0.1, adress: 10.0.0.2 }'),
      'c.yaml:3: nodes[0].adress is not a known key',
    ],
    [
      'text where a number belongs',
      `${threeNodes}etcd: { heartbeatInterval: fast }\n`,
      'c.yaml:7: etcd.heartbeatInterval must be a number, not "fast"',
    ],
    [
      'a number where text belongs',
      `${threeNodes.replace('name: c1', 'name: 5')}`,
      'c.yaml:1: name must be a string, not 5',
    ],
    ['a list where a mapping belongs', `${threeNodes}etcd: [1]\n`, 'c.yaml:7: etcd must be a mapping'],
    [
      'a port out of range',
      nodes('{ name: a, address: 10.0.0.1, clientPort: 70000 }'),
      'c.yaml:3: nodes[0].clientPort must be at most 65535, not 70000',
    ],
    [
      'an address with an octet of 999',
      nodes('{ name: a, address: 999.1.1.1 }'),
      'c.yaml:3: nodes[0].address "999.1.1.1" is not an IP address',
    ],
    [
      'a host name for an address',
      nodes('{ name: a, address: etcd0.example.org }'),
      'c.yaml:3: nodes[0].address "etcd0.example.org" is not an IP address',
    ],
    [
      'an address that is no host',
      nodes('{ name: a, address: 0.0.0.0 }'),
      'c.yaml:3: nodes[0].address "0.0.0.0" is no address of one host',
    ],
    [
      'a subject outside ASCII',
      `${threeNodes.split('pki:')[0]}pki: { names: [{ C: DE, O: Größe }] }\n`,
      'c.yaml:6: pki.names[0].O "Größe" has a character outside ASCII: a certificate subject is limited to ASCII here',
    ],
    ['no nodes in the list', 'name: c1\nnodes: []\n', 'c.yaml:2: nodes names no node'],
    ['nodes without a value', 'name: c1\nnodes:\n', 'c.yaml:2: nodes must be a list, not null'],
    ['no nodes at all', 'name: c1\n', 'c.yaml:1: nodes is required'],
    ['a key twice', 'name: c1\nname: c2\n', 'c.yaml:2: the key name is there twice'],
    [
      'a name twice',
      nodes(
        '{ name: a, address: 10.0.0.1 }',
        '{ name: b, address: 10.0.0.2 }',
        '{ name: a, address: 10.0.0.3 }',
      ),
      'c.yaml:5: nodes[2].name a is already the name of nodes[0]',
    ],
    [
      'an address twice',
      nodes(
        '{ name: a, address: 10.0.0.1 }',
        '{ name: b, address: 10.0.0.2 }',
        '{ name: c, address: 10.0.0.1 }',
      ),
      'c.yaml:5: nodes[2].address 10.0.0.1 is already the address of a, with the same ports',
    ],
    [
      'one port for two doors of a node',
      nodes('{ name: a, address: 10.0.0.1, peerPort: 2379 }'),
      "c.yaml:3: nodes[0].peerPort 10.0.0.1 port 2379 is already a's clientPort",
    ],
    [
      'an election timeout that etcd would refuse',
      `${threeNodes}etcd: { heartbeatInterval: 500, electionTimeout: 1000 }\n`,
      'c.yaml:7: etcd.electionTimeout 1000 ms is less than five heartbeat intervals of 500 ms: etcd would not start',
    ],
  ])('with %s is refused with its line and what stands there', (_what, text, line) => {
    expect(problems(text)).toEqual([line]);
  });

  it('with one port written twice for two nodes of one host names the other owner', () => {
    const text = nodes(
      '{ name: a, address: 10.0.0.1 }',
      '{ name: b, address: 10.0.0.1, agentPort: 3400, clientPort: 2380, peerPort: 3380, dataDir: /b }',
    );
    expect(problems(text)).toContain(
      "c.yaml:4: nodes[1].clientPort 10.0.0.1 port 2380 is already a's peerPort",
    );
  });

  it('with two nodes on one host needs a data dir for each', () => {
    const text = nodes(
      '{ name: a, address: 10.0.0.1 }',
      '{ name: b, address: 10.0.0.1, agentPort: 3400, clientPort: 3379, peerPort: 3380 }',
    );
    expect(problems(text)).toEqual([
      'c.yaml:4: nodes[1] has the data dir of a on the same host: give it a dataDir',
    ]);
  });

  it('with one IPv6 address in two spellings has it twice', () => {
    const text = nodes('{ name: a, address: "fd00::1" }', '{ name: b, address: "fd00:0::0001" }');
    expect(problems(text)).toEqual([
      'c.yaml:4: nodes[1].address fd00:0::0001 is already the address of a, with the same ports',
    ]);
  });

  it('with a loopback address beside real ones is refused: the others could not reach it', () => {
    const text = nodes(
      '{ name: a, address: 10.0.0.1 }',
      '{ name: b, address: 127.0.0.1 }',
      '{ name: c, address: 10.0.0.3 }',
    );
    expect(problems(text)).toEqual([
      'c.yaml:4: nodes[1].address 127.0.0.1 is a loopback address: the other hosts cannot reach it',
    ]);
  });

  it('has everything that is wrong told at once, in the order of its lines', () => {
    const found = problems(
      'name: c 1\ncolour: red\nnodes:\n  - { name: a, address: 1.2.3 }\n  - { name: b }\netcd: { clientPort: x }\n',
    );
    expect(found.map((line) => /^c\.yaml:(\d+)/.exec(line)![1])).toEqual(['1', '2', '4', '5', '6']);
  });

  it('with an even number of voters is a warning and is accepted', () => {
    const text = nodes('{ name: a, address: 10.0.0.1 }', '{ name: b, address: 10.0.0.2 }');
    const { warnings, topology } = parse(text);
    expect(topology.nodes).toHaveLength(2);
    expect(warnings).toEqual([
      {
        where: 'c.yaml:2',
        path: 'nodes',
        message: '2 voters tolerate 0 failures, as 1 would: use an odd number',
      },
    ]);
  });

  it('of three has no warning', () => {
    expect(parse(threeNodes).warnings).toEqual([]);
  });

  it('that cannot be read says how to get one, and exits 2', () => {
    const { text, exitCode } = showFailure(caught(() => readTopology('/nowhere/c.yaml')));
    expect(exitCode).toBe(2);
    expect(text).toBe(
      'error: cannot read /nowhere/c.yaml: there is no such file\n' +
        '  next:  coordinator template > cluster.yaml, then edit it\n',
    );
  });

  it("as the template prints it is valid, and has the runbook's certificates", () => {
    const { topology, warnings } = parse(topologyTemplate);
    expect(warnings).toEqual([]);
    expect(topology.pkiSettings.ca).toEqual({
      subject: {
        CN: 'etcd-root-ca',
        names: [{ C: 'CN', ST: 'Beijing', L: 'Beijing', O: 'etcd', OU: 'etcd Security' }],
      },
      key: { algo: 'rsa', size: 4096 },
      expiry: '87600h',
    });
  });
});

describe('cfssl files that a topology names', () => {
  const named = (pki: string) => `${threeNodes.split('pki:')[0]}pki: ${pki}\n`;
  const csr = JSON.stringify({
    CN: 'etcd',
    hosts: ['10.0.0.10', 'elsewhere.example'],
    key: { algo: 'ecdsa', size: 256 },
    names: [{ C: 'DE', O: 'x' }],
  });

  it('that are missing are told with the line that names them', () => {
    expect(problems(named('{ csr: gone.json }'))).toEqual([
      'c.yaml:6: pki.csr cannot read gone.json: there is no such file',
    ]);
  });

  it('that are no JSON are told likewise', () => {
    expect(problems(named('{ csr: a.json }'), { 'a.json': '{ "CN": ' })[0]).toMatch(
      /^c\.yaml:6: pki\.csr .*a\.json/,
    );
  });

  it('are not silently joined with keys that say something else', () => {
    expect(problems(named('{ csr: a.json, key: { algo: ecdsa, size: 256 } }'), { 'a.json': csr })).toEqual([
      'c.yaml:6: pki.key is also in the cfssl files named here: keep one of the two',
    ]);
  });

  it('with hosts that no node has are used, with a warning that names the hosts', () => {
    const { warnings, topology } = parse(named('{ csr: a.json }'), { 'a.json': csr });
    expect(topology.pkiSettings.leaf.names).toEqual([{ C: 'DE', O: 'x' }]);
    expect(warnings.map(({ message }) => message)).toEqual([
      'hosts of a.json that no node has are not certified: elsewhere.example (add them as dns of a node)',
    ]);
  });

  it('with a policy that lacks a usage etcd needs are refused', () => {
    const config = JSON.stringify({
      signing: { default: { expiry: '8760h', usages: ['signing', 'server auth'] } },
    });
    expect(problems(named('{ config: p.json }'), { 'p.json': config })).toEqual([
      'c.yaml:6: pki.config its default profile lacks "client auth": etcd needs both',
    ]);
  });
});

function caught(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
