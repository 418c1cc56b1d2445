import { createHash } from 'node:crypto';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { grpcStream } from './grpc-stream.js';

let server: Http2Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

async function serve(answer: (stream: ServerHttp2Stream) => void): Promise<string> {
  server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    answer(stream);
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(endpoint: string, signal?: AbortSignal): Promise<Buffer[]> {
  const call = { endpoint, ca: '', cert: '', key: '', path: '/a.B/C', request: new Uint8Array(0) };
  const all: Buffer[] = [];
  for await (const messages of grpcStream(call, signal))
    all.push(...messages.map((each) => Buffer.from(each)));
  return all;
}

function message(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Answers with these bytes, a bit at a time, and ends with this status. */
function answering(bytes: Buffer, trailers: Record<string, string>, step: number) {
  return (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    for (let at = 0; at < bytes.length; at += step) stream.write(bytes.subarray(at, at + step));
    stream.end();
  };
}

const several = [
  Buffer.from('a'),
  Buffer.alloc(0),
  Buffer.alloc(70_000, 7),
  Buffer.alloc(3_000_000, 1),
  Buffer.from('z'),
];

it.each([1_000, 16_384, 5_000_000])(
  'messages that come %d bytes at a time are whole and in order',
  async (step) => {
    const endpoint = await serve(
      answering(Buffer.concat(several.map(message)), { 'grpc-status': '0' }, step),
    );
    const sums = (all: readonly Buffer[]) =>
      all.map((each) => `${each.length} ${createHash('md5').update(each).digest('hex')}`);
    expect(sums(await read(endpoint))).toEqual(sums(several));
  },
);

it.each<[string, (stream: ServerHttp2Stream) => void, RegExp]>([
  [
    'a refusal is told in the server’s words',
    answering(
      message(Buffer.from('a')),
      { 'grpc-status': '7', 'grpc-message': 'etcdserver: permission%20denied' },
      9,
    ),
    /^7 STATUS: etcdserver: permission denied/,
  ],
  [
    'an end within a message is none',
    answering(message(several[2]!).subarray(0, 500), { 'grpc-status': '0' }, 9),
    /^14 UNAVAILABLE: .*within a message/,
  ],
  [
    'an end without a status is none',
    answering(message(several[2]!), {}, 9_999),
    /^14 UNAVAILABLE: .*cut off/,
  ],
  [
    'a connection that is lost is told',
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(message(several[2]!).subarray(0, 500), () => stream.session!.destroy());
    },
    /^14 UNAVAILABLE/,
  ],
  [
    'what is no message is told',
    answering(Buffer.from('<!DOCTYPE html>'), { 'grpc-status': '0' }, 99),
    /^2 UNKNOWN/,
  ],
])('%s', async (_what, answer, why) => {
  await expect(read(await serve(answer))).rejects.toThrow(why);
});

it('nobody who listens is told', async () => {
  const endpoint = await serve(() => {});
  server!.close();
  await expect(read(endpoint)).rejects.toThrow(/^14 UNAVAILABLE: .*ECONNREFUSED/);
});

it('ends when it is aborted while nothing comes', async () => {
  const abort = new AbortController();
  const reading = read(await serve((stream) => stream.respond({ ':status': 200 })), abort.signal);
  setTimeout(() => abort.abort(), 100);
  await expect(reading).rejects.toThrow(/^14 UNAVAILABLE/);
});
