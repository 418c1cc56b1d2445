/** Any valid topology survives its own text; one slip anywhere in it is found and located. */
import { readStrictYaml } from '@etcd-agent/strict-yaml';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../failure.js';
import { topologyText, validTopology, type WrittenTopology } from '../testing/topologies.js';
import { checkTopology } from './check.js';
import { parseTopology } from './read.js';
import { topologySchema } from './schema.js';

const noFiles = (name: string): string => {
  throw new Error(`nothing was named, and ${name} was read`);
};
const parse = (text: string) => parseTopology(text, 'c.yaml', noFiles);

type Mutation = { readonly path: RegExp; readonly change: (topology: WrittenTopology, pick: number) => void };

/** One slip each; `path` is the key that must be named. */
const mutations: Readonly<Record<string, Mutation>> = {
  'a misspelt key': {
    path: /\.adress is not a known key/,
    change: ({ nodes }, pick) => {
      nodes[pick % nodes.length]!.adress = '10.0.0.1';
    },
  },
  'an unknown section': {
    path: / raft is not a known key/,
    change: (topology) => {
      (topology as unknown as Record<string, unknown>).raft = {};
    },
  },
  'a name left out': {
    path: /\.name is required/,
    change: ({ nodes }, pick) => {
      delete nodes[pick % nodes.length]!.name;
    },
  },
  'an address that is none': {
    path: /\.address "999\.1\.1\.1" is not an IP address/,
    change: ({ nodes }, pick) => {
      nodes[pick % nodes.length]!.address = '999.1.1.1';
    },
  },
  'a port as text': {
    path: /\.clientPort must be a number, not "2379"/,
    change: ({ nodes }, pick) => {
      nodes[pick % nodes.length]!.clientPort = '2379';
    },
  },
  'a port of zero': {
    path: /\.peerPort must be at least 1, not 0/,
    change: ({ nodes }, pick) => {
      nodes[pick % nodes.length]!.peerPort = 0;
    },
  },
  'a node copied': {
    path: /\.name .* is already the name of/,
    change: ({ nodes }, pick) => {
      const copy = structuredClone(nodes[pick % nodes.length]!);
      if (nodes.length < 9) nodes.push(copy);
      else nodes[(pick + 1) % nodes.length] = copy;
    },
  },
  'a relative data dir': {
    path: /\.dataDir "etcd" is no path here/,
    change: ({ nodes }, pick) => {
      nodes[pick % nodes.length]!.dataDir = 'etcd';
    },
  },
  'an election timeout too short': {
    path: /etcd\.electionTimeout .* less than five heartbeat intervals/,
    change: (topology) => {
      topology.etcd = { heartbeatInterval: 1000, electionTimeout: 4999 };
    },
  },
  'an etcd from nowhere': {
    path: /etcd\.install.* must be \{ from: package \} or \{ from: file,/,
    change: (topology) => {
      topology.etcd = { ...topology.etcd, install: { from: 'internet' } as never };
    },
  },
  'an etcd file without its hash': {
    path: /etcd\.install\.sha256 is required/,
    change: (topology) => {
      topology.etcd = { ...topology.etcd, install: { from: 'file', file: 'etcd.tar.gz' } as never };
    },
  },
  'an etcd package with a version': {
    path: /etcd\.install\.version is not a known key/,
    change: (topology) => {
      topology.etcd = { ...topology.etcd, install: { from: 'package', version: '3.5.30' } as never };
    },
  },
  'a wait without a unit': {
    path: /healing\.orphan "900" is no duration such as/,
    change: (topology) => {
      topology.healing = { orphan: '900' };
    },
  },
  'a wait that no agent takes': {
    path: /healing\.hang "0s" is not between 1s and 1d/,
    change: (topology) => {
      topology.healing = { hang: '0s' };
    },
  },
  'a weak key': {
    path: /pki\.key must be/,
    change: (topology) => {
      topology.pki = { key: { algo: 'rsa', size: 1024 } };
    },
  },
  'a subject outside ASCII': {
    path: /pki\.names\[0\]\.O .* outside ASCII/,
    change: (topology) => {
      topology.pki = { names: [{ O: '北京' }] };
    },
  },
};

describe('any valid topology', () => {
  it('comes back from its text as it was meant, in block and in flow style', () => {
    fc.assert(
      fc.property(validTopology, fc.constantFrom('block' as const, 'flow' as const), (written, style) => {
        const { topology } = parse(topologyText(written, style));
        const { pkiSettings: _, ...read } = topology;
        expect(read).toEqual(topologySchema.parse(written));
      }),
      { numRuns: 150 },
    );
  });

  it('comes back from a text that spells out every default', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const { pkiSettings: _, ...first } = parse(topologyText(written)).topology;
        const { pkiSettings: __, ...second } = parse(topologyText(first)).topology;
        expect(second).toEqual(first);
      }),
      { numRuns: 80 },
    );
  });

  it('has no finding but about the number of its voters', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const findings = checkTopology(topologySchema.parse(written));
        const odd = written.nodes.length % 2 === 1 && written.nodes.length > 1;
        expect(findings.map(({ severity, path }) => `${severity} ${path.join('.')}`)).toEqual(
          odd ? [] : ['warning nodes'],
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('one slip in any valid topology', () => {
  it.each(Object.entries(mutations))('%s: is found, with file and line', (_name, { path, change }) => {
    fc.assert(
      fc.property(
        validTopology,
        fc.nat(),
        fc.constantFrom('block' as const, 'flow' as const),
        (written, pick, style) => {
          const wrong = structuredClone(written);
          change(wrong, pick);
          const text = topologyText(wrong, style);
          const failure = failureOf(text);
          const line = failure.parts.where?.find((each) => path.test(each));
          expect(line, failure.parts.where?.join('\n')).toMatch(/^c\.yaml:\d+: /);
          expect(Number(/:(\d+):/.exec(line!)![1])).toBeLessThanOrEqual(text.split('\n').length);
          expect(failure.exitCode).toBe(2);
        },
      ),
      { numRuns: 25 },
    );
  });
});

it('any text at all is read or refused, and never breaks the reader', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
      const reading = readStrictYaml(text, topologySchema, 'c.yaml');
      if (reading.kind === 'problems') expect(reading.problems.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

function failureOf(text: string): Failure {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`accepted:\n${text}`);
}
