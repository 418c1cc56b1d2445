import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerRole, type Identity, identityOf, identityRoles, identityUri, nameSchema } from './identity.js';

const names = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
const identities: fc.Arbitrary<Identity> = fc.record({
  cluster: names,
  role: fc.constantFrom(...identityRoles),
  name: names,
});
const agent = 'etcd-agent://prod/agent/etcd0';
const coordinator = 'etcd-agent://prod/coordinator/main';

describe('the identity in a certificate', () => {
  it('reads back as it was written, whatever foreign URIs stand beside it', () => {
    fc.assert(
      fc.property(
        identities,
        fc.array(fc.constantFrom('https://example.org/', 'urn:uuid:1', 'spiffe://prod/agent')),
        (identity, others) => {
          expect(identityOf([...others, identityUri(identity)])).toEqual(identity);
        },
      ),
    );
  });

  it('is none where two URIs of our scheme would leave a choice', () => {
    expect(identityOf([agent, coordinator])).toBeUndefined();
    expect(identityOf([agent, agent])).toBeUndefined();
    expect(identityOf([agent, 'ETCD-AGENT://prod/coordinator/main'])).toBeUndefined();
    expect(identityOf([agent, 'etcd-agent://nonsense'])).toBeUndefined();
  });

  it('is none for any other text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((rest) => `etcd-agent://${rest}`),
        ),
        (uri) => {
          const identity = identityOf([uri]);
          if (identity !== undefined) expect(identityUri(identity)).toBe(uri);
        },
      ),
    );
    expect(identityOf([])).toBeUndefined();
  });

  it.each([
    'ETCD-AGENT://prod/agent/etcd0',
    'etcd-agent://prod/admin/etcd0',
    'etcd-agent://prod/Agent/etcd0',
    'etcd-agent://prod/peer/etcd0',
    'etcd-agent://prod/__proto__/etcd0',
    'etcd-agent://prod/constructor/etcd0',
    'etcd-agent://prod/agent',
    'etcd-agent://prod/agent/',
    'etcd-agent://prod/agent/etcd0/',
    'etcd-agent://prod/agent/etcd0/coordinator',
    'etcd-agent://prod//etcd0',
    'etcd-agent:///agent/etcd0',
    'etcd-agent://prod/agent/etcd0?x',
    'etcd-agent://prod/agent/etcd0#x',
    'etcd-agent://prod/agent/etcd0\n',
    'etcd-agent://prod/agent/et%63d0',
    'etcd-agent://user@prod/agent/etcd0',
    'etcd-agent://prod:1/agent/etcd0',
    'etcd-agent://prod/agent/étcd0',
    ' etcd-agent://prod/agent/etcd0',
  ])('%j is none', (uri) => {
    expect(identityOf([uri])).toBeUndefined();
  });

  it('is not written for what is no name', () => {
    for (const name of [
      '',
      '..',
      '.',
      '-a',
      'a-',
      'a/b',
      'a b',
      'a\n',
      'a'.repeat(64),
      '__proto__',
      'é',
      '"',
    ]) {
      expect(nameSchema.safeParse(name).success, name).toBe(false);
      expect(() => identityUri({ cluster: 'prod', role: 'agent', name })).toThrow(RangeError);
      expect(() => identityUri({ cluster: name, role: 'agent', name: 'etcd0' })).toThrow(RangeError);
    }
    for (const name of ['a', '0', 'etcd0.51know.info', 'a'.repeat(63), 'constructor', 'A_b-c.d']) {
      expect(nameSchema.safeParse(name).success, name).toBe(true);
    }
  });
});

describe('the role on an agent', () => {
  it('follows from the certificate’s role, in the own cluster only', () => {
    expect(callerRole(identityOf([coordinator]), 'prod')).toBe('coordinator');
    expect(callerRole(identityOf([agent]), 'prod')).toBe('peer');
    expect(callerRole(identityOf([coordinator]), 'test')).toBeUndefined();
    expect(callerRole(identityOf([coordinator]), 'PROD')).toBeUndefined();
    expect(callerRole(undefined, 'prod')).toBeUndefined();
  });

  it('is not coordinator because an agent is called coordinator', () => {
    expect(callerRole(identityOf(['etcd-agent://prod/agent/coordinator']), 'prod')).toBe('peer');
  });
});
