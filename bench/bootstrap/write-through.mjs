// The floor's client: one key written through one endpoint, over a bare HTTP/2 connection, tried until it works. A put answers
// only after a quorum has it, so it is the same proof that the coordinator asks for, without a library to load.
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';

/** Between two looks at a port, and between two tries; the coordinator waits as long or longer. */
const pauseMs = 25;
/** One try; the coordinator's own tries take as long. */
const tryMsMax = 2_000;

/** Resolves at the first write that etcd confirms. Throws after `deadlineMs`. */
export async function writeThrough({ host, port, ca, cert, key }, deadlineMs) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      await openPort(host, port);
      return await put(`https://${host}:${port}`, { ca, cert, key });
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`no write through ${host}:${port}: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function openPort(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

function put(origin, tls) {
  return new Promise((resolve, reject) => {
    const session = connect(origin, tls);
    const finish = (outcome) => {
      clearTimeout(timer);
      session.destroy();
      if (outcome === undefined) resolve();
      else reject(outcome);
    };
    const timer = setTimeout(() => finish(new Error(`no answer in ${tryMsMax} ms`)), tryMsMax);
    session.on('error', finish);
    const request = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.KV/Put',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status;
    const note = (headers) => {
      status = headers['grpc-status'] ?? status;
    };
    request.on('response', note);
    request.on('trailers', note);
    request.on('error', finish);
    request.on('data', () => {});
    request.on('end', () => finish(status === '0' ? undefined : new Error(`grpc-status ${status}`)));
    request.end(framed(putRequest('floor', 'written')));
  });
}

// etcdserverpb.PutRequest: bytes key = 1, bytes value = 2; both shorter than 128 bytes.
function putRequest(key, value) {
  const field = (number, text) => [number * 8 + 2, text.length, ...Buffer.from(text)];
  return Buffer.from([...field(1, key), ...field(2, value)]);
}

// A gRPC message: not compressed, four bytes of length, the message.
function framed(message) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
