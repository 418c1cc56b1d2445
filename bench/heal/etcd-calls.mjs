// etcd's calls over a bare HTTP/2 connection to one endpoint: what the floor does by hand, and what both sides are watched and
// written to with. No library, no retries; ids are decimal strings.
import { connect } from 'node:http2';
import { fieldsOf, message } from './protobuf.mjs';

const callMsMax = 2_000;

/** A client of one endpoint; it dials when it is asked something and is not connected. */
export class EtcdCalls {
  #session;

  constructor({ name, port, tls }) {
    this.name = name;
    this.origin = `https://127.0.0.1:${port}`;
    this.tls = tls;
  }

  async put(key, value, ms) {
    await this.#call('KV/Put', message([1, key], [2, value]), ms);
  }

  /** All in one transaction; etcd takes no more than 128. */
  async putAll(pairs, ms) {
    const puts = pairs.map(([key, value]) => [2, message([2, message([1, key], [2, value])])]);
    await this.#call('KV/Txn', message(...puts), ms);
  }

  /** Resolves when a linearizable read has gone through. */
  async read(key, ms) {
    const [kv] = fieldsOf(await this.#call('KV/Range', message([1, key]), ms)).get(2) ?? [];
    return kv === undefined ? undefined : fieldsOf(kv).get(5)?.[0];
  }

  async status(ms) {
    const reply = fieldsOf(await this.#call('Maintenance/Status', Buffer.alloc(0), ms));
    return {
      memberId: String(fieldsOf(reply.get(1)[0]).get(2)[0]),
      leader: String(reply.get(4)?.[0] ?? 0n),
      dbBytes: Number(reply.get(3)?.[0] ?? 0n),
    };
  }

  async members(ms) {
    return membersIn(await this.#call('Cluster/MemberList', Buffer.alloc(0), ms));
  }

  async addMember(peerURL, isLearner, ms) {
    const reply = await this.#call('Cluster/MemberAdd', message([1, peerURL], [2, isLearner]), ms);
    return { member: memberOf(fieldsOf(reply).get(2)[0]), members: membersIn(reply, 3) };
  }

  async removeMember(id, ms) {
    await this.#call('Cluster/MemberRemove', message([1, BigInt(id)]), ms);
  }

  async promoteMember(id, ms) {
    await this.#call('Cluster/MemberPromote', message([1, BigInt(id)]), ms);
  }

  close() {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #connected() {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(this.origin, this.tls);
      this.#session.on('error', () => {});
      this.#session.unref();
    }
    return this.#session;
  }

  #call(method, request, ms = callMsMax) {
    return new Promise((resolve, reject) => {
      const stream = this.#connected().request({
        ':method': 'POST',
        ':path': `/etcdserverpb.${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const chunks = [];
      let status;
      let words = '';
      const timer = setTimeout(() => stream.destroy(new Error(`no answer in ${ms} ms`)), ms);
      const note = (headers) => {
        status = headers['grpc-status'] ?? status;
        words = headers['grpc-message'] ?? words;
      };
      stream.on('response', note);
      stream.on('trailers', note);
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      stream.on('close', () => {
        clearTimeout(timer);
        if (status === '0') resolve(Buffer.concat(chunks).subarray(5));
        else reject(new Error(`${this.name} ${method}: ${words || `grpc-status ${status}`}`));
      });
      stream.end(framed(request));
    });
  }
}

function membersIn(reply, number = 2) {
  return (fieldsOf(reply).get(number) ?? []).map(memberOf);
}

function memberOf(bytes) {
  const fields = fieldsOf(bytes);
  return {
    id: String(fields.get(1)?.[0] ?? 0n),
    name: String(fields.get(2)?.[0] ?? ''),
    peerURL: String(fields.get(3)?.[0] ?? ''),
    isLearner: (fields.get(5)?.[0] ?? 0n) === 1n,
  };
}

// A gRPC message: not compressed, four bytes of length, the message.
function framed(bytes) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
