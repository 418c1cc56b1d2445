/**
 * One call of a gRPC server that answers with a stream of messages, over HTTP/2 of its own: for what is so large that a library's
 * layers between socket and file cost more than everything else. What the messages say does not belong here.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';

export interface GrpcCall {
  /** `https://host:port`. */
  readonly endpoint: string;
  /** PEM: whom to trust, and what to show. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Such as `/etcdserverpb.Maintenance/Snapshot`. */
  readonly path: string;
  /** The request's bytes. */
  readonly request: Uint8Array;
}

/**
 * What the server may send before it hears that it was taken. The default of 64 KiB makes it wait for this process twenty
 * thousand times for a gigabyte.
 */
const windowBytes = 4 * 1024 * 1024;
/** More than any message that is streamed in pieces. */
const messageBytesMax = 16 * 1024 * 1024;
const headBytes = 5;
const lotBytes = 1024 * 1024;
const pauseMs = 50;

/**
 * The messages, whole and in order, as many as have arrived each time. Whoever stops asking, or aborts, ends the call. Throws an
 * Error whose text begins as gRPC's own do, `14 UNAVAILABLE: `, where it does not come to its end.
 */
export async function* grpcStream(call: GrpcCall, signal?: AbortSignal): AsyncGenerator<Uint8Array[]> {
  const session = connect(call.endpoint, {
    ca: call.ca,
    cert: call.cert,
    key: call.key,
    settings: { initialWindowSize: windowBytes, enablePush: false },
  });
  const lost = failureOf(session);
  const abort = () => session.destroy();
  signal?.addEventListener('abort', abort);
  try {
    if (signal?.aborted === true) throw unavailable('aborted');
    session.once('remoteSettings', () => session.setLocalWindowSize(windowBytes));
    const stream = session.request({
      ':method': 'POST',
      ':path': call.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const end = endOf(stream);
    stream.end(framed(call.request));
    yield* messagesIn(stream, lost);
    const headers = await Promise.race([end, lost]);
    assertOk(headers);
  } finally {
    signal?.removeEventListener('abort', abort);
    session.destroy();
  }
}

/** Rejects when the connection fails or ends; never an unhandled one. */
function failureOf(session: ClientHttp2Session): Promise<never> {
  const lost = new Promise<never>((_, reject) => {
    session.once('error', (error) => reject(unavailable(error.message)));
    session.once('close', () => reject(unavailable('the connection was closed')));
  });
  lost.catch(() => {});
  return lost;
}

/** The trailers, or the headers where there is nothing else. */
function endOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  let status: IncomingHttpHeaders = {};
  stream.once('response', (headers) => {
    status = headers;
  });
  const end = new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once('trailers', (trailers) => resolve({ ...status, ...trailers }));
    stream.once('close', () => resolve(status));
    stream.once('error', (error) => reject(unavailable(error.message)));
  });
  end.catch(() => {});
  return end;
}

/** Whole messages, as many as have arrived. */
async function* messagesIn(stream: ClientHttp2Stream, lost: Promise<never>): AsyncGenerator<Uint8Array[]> {
  const arrivals = new Arrivals(stream, lost);
  let rest: Buffer = Buffer.alloc(0);
  for (let chunks = await arrivals.next(); chunks.length > 0; chunks = await arrivals.next()) {
    const bytes = Buffer.concat([rest, ...chunks]);
    const messages: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + lengthIn(bytes.subarray(at, at + headBytes));
      if (end > bytes.length) break;
      messages.push(bytes.subarray(at + headBytes, end));
      at = end;
    }
    rest = bytes.subarray(at);
    if (messages.length > 0) yield messages;
  }
  if (rest.length > 0) throw unavailable('the stream ended within a message');
}

/**
 * What arrives, a lot at a time: an HTTP/2 frame has 16 KiB, and to wait for each of them would be most of the work. The stream
 * stands still while twice as much waits to be taken.
 */
class Arrivals {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private ended = false;
  private failure: Error | undefined;
  private wake = () => {};

  constructor(
    private readonly stream: ClientHttp2Stream,
    private readonly lost: Promise<never>,
  ) {
    stream.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.bytes += chunk.length;
      if (this.bytes >= 2 * lotBytes) stream.pause();
      if (this.bytes >= lotBytes) this.wake();
    });
    stream.once('end', () => {
      this.ended = true;
      this.wake();
    });
    stream.once('error', (error) => {
      this.failure = unavailable(error.message);
      this.wake();
    });
  }

  /** Nothing: it has ended. Whether it ended well, only its trailers say. */
  async next(): Promise<Buffer[]> {
    const isReady = () => this.bytes >= lotBytes || this.ended || this.failure !== undefined;
    if (!isReady()) {
      const ready = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      // Slow is not nothing: what has come after a while is handed on.
      await Promise.race([ready, this.lost, pause()]);
      if (!isReady() && this.bytes === 0) return this.next();
    }
    // What happened to the connection says more than what that did to the stream.
    if (this.failure !== undefined) await Promise.race([this.lost, pause()]);
    if (this.failure !== undefined) throw this.failure;
    const { chunks } = this;
    [this.chunks, this.bytes] = [[], 0];
    if (this.stream.isPaused()) this.stream.resume();
    return chunks;
  }
}

/** Long beside what a lot takes to arrive, short beside what anybody waits for. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}

function lengthIn(head: Buffer): number {
  const length = head.readUInt32BE(1);
  if (head[0] !== 0 || length > messageBytesMax)
    throw new Error('2 UNKNOWN: the server sends what is no message, or a compressed one');
  return length;
}

function framed(request: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(request.length, 1);
  return Buffer.concat([head, request]);
}

/** An end without a status is none: the rest was lost on the way. */
function assertOk(headers: IncomingHttpHeaders): void {
  const status = headers['grpc-status'];
  if (status === '0') return;
  if (status === undefined) throw unavailable(`the stream was cut off (HTTP ${String(headers[':status'])})`);
  throw new Error(`${String(status)} STATUS: ${decoded(String(headers['grpc-message'] ?? ''))}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unavailable(why: string): Error {
  return new Error(`14 UNAVAILABLE: ${why}`);
}
