/** Whether real TLS 1.3 handshakes, with both sides showing certificates, end as these certificates say. */
import tls from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { Authority } from './authority.js';
import type { KeyRequest } from './key.js';
import { certificateSha256 } from './read-certificate.js';
import { p256, rsa2048, sampleAuthority, sampleLeaf } from './testdata/samples.js';

interface Side {
  readonly certificate: string;
  readonly key: string;
}

/** What each side saw of the other: the fingerprint, or the error's code. */
async function handshake(input: { authority: Authority; server: Side; client: Side; servername?: string }) {
  const common = { ca: input.authority.certificate, minVersion: 'TLSv1.3' } as const;
  const server = tls.createServer({
    ...common,
    cert: input.server.certificate,
    key: input.server.key,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const seenByServer = new Promise<string>((resolve) => {
    server.once('secureConnection', (socket) => {
      resolve(fingerprint(socket));
      socket.end('hello');
    });
    // Node drops a client whose certificate it refuses without an event of its own.
    server.once('connection', (socket) => socket.once('close', () => resolve('nobody')));
    server.once('tlsClientError', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const seenByClient = await new Promise<string>((resolve) => {
    const socket = tls.connect({
      ...common,
      host: '127.0.0.1',
      port,
      cert: input.client.certificate,
      key: input.client.key,
      ...(input.servername === undefined ? {} : { servername: input.servername }),
    });
    // In TLS 1.3 the client is done before the server has judged it: only data tells.
    socket.once('data', () => {
      resolve(`${socket.getProtocol()} ${fingerprint(socket)}`);
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed by the server'));
  });
  const result = { server: await seenByServer, client: seenByClient };
  await new Promise((resolve) => server.close(resolve));
  return result;
}

function fingerprint(socket: tls.TLSSocket): string {
  return socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase();
}

const justNow = () => ({ at: new Date(), now: new Date() });

describe('a TLS 1.3 handshake', () => {
  test.each<{ ca: KeyRequest; leaf: KeyRequest }>([
    { ca: rsa2048, leaf: rsa2048 },
    { ca: rsa2048, leaf: p256 },
    { ca: { algo: 'ecdsa', size: 384 }, leaf: rsa2048 },
    { ca: p256, leaf: { algo: 'ecdsa', size: 384 } },
    { ca: p256, leaf: p256 },
  ])(
    'succeeds both ways with $leaf.algo leaves of a $ca.algo CA, by address and by name',
    async ({ ca, leaf }) => {
      const { at, now } = justNow();
      const authority = await sampleAuthority({ key: ca, at });
      const [server, client] = await Promise.all([
        sampleLeaf(authority, { key: leaf, now }),
        sampleLeaf(authority, { key: leaf, now, hosts: [], usages: ['signing', 'client auth'] }),
      ]);
      const expected = {
        server: certificateSha256(client.certificate),
        client: `TLSv1.3 ${certificateSha256(server.certificate)}`,
      };
      expect(await handshake({ authority, server, client })).toEqual(expected);
      expect(await handshake({ authority, server, client, servername: 'localhost' })).toEqual(expected);
    },
  );

  test('fails when the server has an address that its certificate does not name', async () => {
    const { at, now } = justNow();
    const authority = await sampleAuthority({ at });
    const server = await sampleLeaf(authority, { now, hosts: ['10.0.0.1', 'etcd0.example'] });
    const client = await sampleLeaf(authority, { now });
    expect(await handshake({ authority, server, client })).toMatchObject({
      client: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('fails when a client certificate is used as server, or one of a CA of the same name as client', async () => {
    const { at, now } = justNow();
    const [authority, sameName] = await Promise.all([sampleAuthority({ at }), sampleAuthority({ at })]);
    const [good, clientOnly, forged] = await Promise.all([
      sampleLeaf(authority, { now }),
      sampleLeaf(authority, { now, usages: ['signing', 'client auth'] }),
      sampleLeaf(sameName, { now }),
    ]);
    expect(await handshake({ authority, server: clientOnly, client: good })).toMatchObject({
      client: 'INVALID_PURPOSE',
    });
    const result = await handshake({ authority, server: good, client: forged });
    expect(result.client).not.toContain('TLSv1.3');
    expect(result.server).not.toBe(certificateSha256(forged.certificate));
    expect((await handshake({ authority, server: good, client: good })).client).toContain('TLSv1.3');
  });
});
