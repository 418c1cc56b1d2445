/** Who may call what, written out a second time, so that a change of rights is seen in review. */
import { describe, expect, it } from 'vitest';
import { limits } from '../limits.js';
import { pieceBytesMax, pieceSchema } from '../pieces.js';
import { agentMethods, enrolmentMethods } from './agent.js';
import { defineMethods, type MethodTable, pem } from './define.js';

const rolesOf = (table: MethodTable) =>
  Object.fromEntries(
    Object.entries(table).map(([method, { roles }]) => [method, [...roles].sort().join(' ')]),
  );

describe('the methods of an agent', () => {
  it('are these, each for these roles', () => {
    expect(rolesOf(agentMethods)).toEqual({
      'agent.hello': 'coordinator',
      'peer.whoami': 'coordinator peer',
      'node.observe': 'coordinator',
      'preflight.begin': 'coordinator',
      'preflight.probe': 'coordinator',
      'preflight.end': 'coordinator',
      'install.look': 'coordinator',
      'install.begin': 'coordinator',
      'install.piece': 'coordinator',
      'install.file': 'coordinator',
      'install.package': 'coordinator',
      'snapshot.list': 'coordinator',
      'snapshot.begin': 'coordinator',
      'snapshot.piece': 'coordinator',
      'snapshot.verify': 'coordinator',
      'snapshot.ofDatabase': 'coordinator',
      'snapshot.read': 'coordinator',
      'snapshot.forget': 'coordinator',
      'pki.request': 'coordinator',
      'pki.install': 'coordinator',
      'spec.get': 'coordinator',
      'spec.apply': 'coordinator',
      'etcd.start': 'coordinator',
      'etcd.restart': 'coordinator',
      'defrag.announce': 'coordinator',
      'etcd.quarantine': 'coordinator',
      'operation.look': 'coordinator',
      'operation.quarantine': 'coordinator',
      'operation.place': 'coordinator',
      'operation.putBack': 'coordinator',
      'operation.start': 'coordinator',
      'peer.view': 'coordinator peer',
      'heal.status': 'coordinator',
      'heal.pause': 'coordinator',
      'heal.resume': 'coordinator',
      'events.read': 'coordinator',
      'member.remove': 'coordinator',
      'member.replace': 'coordinator',
      'disk.report': 'coordinator',
      'disk.accept': 'coordinator',
    });
  });

  it('without an identity are these two', () => {
    expect(rolesOf(enrolmentMethods)).toEqual({
      'enrolment.prove': 'coordinator',
      'enrolment.install': 'coordinator',
    });
  });

  it('take an object and no key that they do not know', () => {
    for (const table of [agentMethods, enrolmentMethods] satisfies MethodTable[]) {
      for (const [name, { params }] of Object.entries(defineMethods<MethodTable>(table))) {
        const issues = params.safeParse({ surprise: 1 }).error?.issues ?? [];
        expect(
          issues.map((issue) => issue.code),
          name,
        ).toContain('unrecognized_keys');
      }
    }
  });
});

describe('PEM on the wire', () => {
  it('is bounded before anybody parses it', () => {
    const head = '-----BEGIN CERTIFICATE-----\n';
    expect(pem.safeParse(head).success).toBe(true);
    expect(pem.safeParse(head + 'A'.repeat(limits.requestPemBytesMax)).success).toBe(false);
    expect(pem.safeParse(` ${head}`).success).toBe(false);
  });
});

describe('a piece of a file', () => {
  it('fits into one frame, whatever is around it', () => {
    expect((pieceBytesMax / 3) * 4).toBeLessThan(limits.frameBytesMax / 2);
    expect(pieceSchema.shape.data.safeParse(Buffer.alloc(pieceBytesMax).toString('base64')).success).toBe(
      true,
    );
    expect(pieceSchema.shape.data.safeParse(Buffer.alloc(pieceBytesMax + 3).toString('base64')).success).toBe(
      false,
    );
    expect(pieceSchema.shape.data.safeParse('AAAA AAAA').success).toBe(false);
  });
});

describe('limits', () => {
  it('let the largest frame be sent without ending the link', () => {
    expect(limits.bufferedBytesMax).toBeGreaterThan(limits.frameBytesMax);
  });

  it('end an enrolment later than they answer a refused one', () => {
    expect(limits.enrolmentMsMax).toBeGreaterThan(limits.enrolmentRefusalDelayMs);
  });
});
