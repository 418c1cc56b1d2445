import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readHost, sortHosts } from './hosts.js';
import { formatIp, parseIp } from './ip-address.js';

describe('hosts', () => {
  test('are sorted into names, mail and IP addresses in the order given, repeats once', () => {
    const hosts = [
      '127.0.0.1',
      'b.example',
      '::1',
      'ops@example.com',
      'localhost',
      '*.a.example',
      '127.0.0.1',
      '::ffff:10.0.0.1',
    ];
    expect(sortHosts(hosts, ['etcd-agent://c/agent/n0'])).toEqual({
      dns: ['b.example', 'localhost', '*.a.example'],
      emails: ['ops@example.com'],
      ips: ['127.0.0.1', '::1', '10.0.0.1'],
      uris: ['etcd-agent://c/agent/n0'],
    });
  });

  test.each([
    '999.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '010.0.0.1',
    '256.0.0.1',
    '1.2.3.4.',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    'etcd0.7',
    '::1::',
    'fe80::1%eth0',
    '12345::',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '1:2:3:4:5:6:1.2.3.4::',
    '::ffff:999.1.1.1',
  ])('refuse %s, which looks like an IP address and is none', (text) => {
    expect(readHost(text)).toMatchObject({
      kind: 'bad',
      message: expect.stringContaining('looks like an IP address'),
    });
  });

  test.each([
    ['10.0.0.1:2379', 'brackets or a port'],
    ['[::1]', 'brackets or a port'],
    ['[::1]:2379', 'brackets or a port'],
    ['node:2379', 'brackets or a port'],
    ['10.0.0.0/8', 'URL or a network'],
    ['https://x.example', 'URL or a network'],
    ['', 'is empty'],
    ['a b', 'space or a non-ASCII'],
    ['bücher.example', 'xn-- form'],
    ['a\nb', 'space or a non-ASCII'],
    ['a\0b', 'space or a non-ASCII'],
    ['a,b', 'neither a DNS name'],
    ['-a.example', 'neither a DNS name'],
    ['a..example', 'neither a DNS name'],
    ['a.example.', 'neither a DNS name'],
    ['a.*.example', 'neither a DNS name'],
    ['*', 'neither a DNS name'],
    [`${'a'.repeat(64)}.example`, 'neither a DNS name'],
    [`${'a.'.repeat(130)}example`, 'longer than 253'],
    ['a@b@c', 'neither a DNS name'],
    ['@example.com', 'neither a DNS name'],
    ['x@10.0.0.1', 'is not a mail address'],
  ])('refuse %j and say why', (text, why) => {
    expect(readHost(text)).toMatchObject({ kind: 'bad', message: expect.stringContaining(why) });
  });

  test('report every bad entry at once, with its index', () => {
    expect(() => sortHosts(['ok.example', '999.1.1.1', 'a b'], [])).toThrow(/hosts\[1\].*\n.*hosts\[2\]/);
  });

  test.each(['nonsense', 'etcd-agent://c/a b', 'x:', 'http://é', 'http://[bad'])(
    'refuse %j as a URI',
    (uri) => {
      expect(() => sortHosts([], [uri])).toThrow(/uris\[0\]/);
    },
  );
});

describe('IP addresses', () => {
  test('are recognised exactly when Node recognises them, zones aside', () => {
    const nearIp = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-f:.]{1,20}$/),
      fc.stringMatching(/^([0-9]{1,3}\.){3}[0-9]{1,3}$/),
    );
    fc.assert(
      fc.property(nearIp, (text) => {
        expect(parseIp(text) !== undefined, text).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('come back the same from their canonical text, which is what URL prints', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.nat(15),
        fc.nat(15),
        (bytes, from, to) => {
          bytes.fill(0, from, to);
          const text = formatIp(bytes);
          expect(text).toBe(new URL(`http://[${text}]`).hostname.slice(1, -1));
          expect(Buffer.from(parseIp(text) ?? [])).toEqual(Buffer.from(parseIp(formatIp(parseIp(text)!))!));
          expect(isIP(text)).toBe(6);
        },
      ),
    );
  });
});
