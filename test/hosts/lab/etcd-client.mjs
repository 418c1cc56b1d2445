/**
 * An application of the lab's cluster, on the lab's network, over etcd's JSON gateway (etcd 3.4 and later).
 *
 *     etcd-client.mjs STATE OWN_ADDRESS PREFIX PAUSE_MS ADDRESS...
 *
 * It writes through every member until its input ends, with a pause after each write, and prints a line for each key that was
 * acknowledged: `w ADDRESS KEY`. A write that was not is never repeated: the next one is another key. A line of its input is
 * a question to one member, `NUMBER WHAT ADDRESS [ARGUMENT]`, answered by `a NUMBER JSON` or `e NUMBER MESSAGE`. STATE is the
 * coordinator's state directory.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const writeMsMax = 1_000;
const readMsMax = 10_000;
const lookMsMax = 2_000;

const [state, localAddress, prefix, pauseMs, ...addresses] = process.argv.slice(2);
const connections = new Agent({
  keepAlive: true,
  ca: readFileSync(join(state, 'ca', 'etcd-root-ca.pem')),
  cert: readFileSync(join(state, 'admin', 'etcd-client.pem')),
  key: readFileSync(join(state, 'admin', 'etcd-client-key.pem')),
});

const questions = {
  /** Its keys, after a linearizable read through it. */
  keys: keysAt,
  /** Its own list of the members. */
  members: (address) => call(address, 'cluster/member/list', {}, lookMsMax),
  status: (address) => call(address, 'maintenance/status', {}, lookMsMax),
  /** Of all keys as it has them at a revision. The gateway's own hash is of what a member holds at its own moment. */
  hash: async (address, revision) => {
    const all = { key: base64('\0'), range_end: base64('\0'), revision };
    const { kvs } = await call(address, 'kv/range', all, readMsMax);
    return createHash('sha256').update(JSON.stringify(kvs)).digest('hex');
  },
};

let ended = false;
createInterface({ input: process.stdin })
  .on('line', answer)
  .on('close', () => {
    ended = true;
  });
await Promise.all(addresses.map((address) => writeThrough(address, () => ended)));
connections.destroy();

async function answer(line) {
  const [number, what, address, argument] = line.split(' ');
  try {
    process.stdout.write(`a ${number} ${JSON.stringify(await questions[what](address, argument))}\n`);
  } catch (error) {
    process.stdout.write(`e ${number} ${error.message.replace(/\s+/g, ' ')}\n`);
  }
}

async function writeThrough(address, ended) {
  for (let at = 0; !ended(); at += 1) {
    const key = `${prefix}${address}/${String(at).padStart(6, '0')}`;
    try {
      await call(address, 'kv/put', { key: base64(key), value: base64(String(at)) }, writeMsMax);
      process.stdout.write(`w ${address} ${key}\n`);
    } catch {
      // It was not acknowledged, so nothing is owed.
    }
    await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
  }
}

async function keysAt(address) {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  const range = { key: base64(prefix), range_end: base64(end), keys_only: true };
  const { kvs = [] } = await call(address, 'kv/range', range, readMsMax);
  return kvs.map(({ key }) => Buffer.from(key, 'base64').toString());
}

function base64(text) {
  return Buffer.from(text).toString('base64');
}

function call(address, method, body, timeoutMs) {
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent: connections, localAddress, host: address, port: 2379, path: `/v3/${method}`, method: 'POST' },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(text));
        });
      },
    );
    const timer = setTimeout(() => sent.destroy(new Error('no answer')), timeoutMs);
    sent.on('error', reject);
    sent.on('close', () => clearTimeout(timer));
    sent.end(JSON.stringify(body));
  });
}
