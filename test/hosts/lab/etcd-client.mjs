/**
 * An application of the lab's cluster, on the lab's network, over etcd's JSON gateway (etcd 3.4 and later).
 *
 *     etcd-client.mjs STATE write PREFIX ADDRESS...   writes through every member until its input ends; a line per acknowledged key
 *     etcd-client.mjs STATE keys PREFIX ADDRESS       what one member has, after a linearizable read through it
 *
 * STATE is the coordinator's state directory. A write that was not acknowledged is never repeated: the next one is another key.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';

const writeMsMax = 1_000;
const readMsMax = 10_000;
const pauseMs = 50;

const [state, operation, prefix, ...addresses] = process.argv.slice(2);
const connections = new Agent({
  keepAlive: true,
  ca: readFileSync(join(state, 'ca', 'etcd-root-ca.pem')),
  cert: readFileSync(join(state, 'admin', 'etcd-client.pem')),
  key: readFileSync(join(state, 'admin', 'etcd-client-key.pem')),
});

if (operation === 'write') {
  let ended = false;
  process.stdin.on('end', () => {
    ended = true;
  });
  process.stdin.resume();
  await Promise.all(addresses.map((address) => writeThrough(address, () => ended)));
} else {
  process.stdout.write(`${JSON.stringify(await keysAt(addresses[0]))}\n`);
}
connections.destroy();

async function writeThrough(address, ended) {
  for (let at = 0; !ended(); at += 1) {
    const key = `${prefix}${address}/${String(at).padStart(6, '0')}`;
    try {
      await call(address, 'put', { key: base64(key), value: base64(String(at)) }, writeMsMax);
      process.stdout.write(`${address} ${key}\n`);
    } catch {
      // It was not acknowledged, so nothing is owed.
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function keysAt(address) {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  const range = { key: base64(prefix), range_end: base64(end), keys_only: true };
  const { kvs = [] } = await call(address, 'range', range, readMsMax);
  return kvs.map(({ key }) => Buffer.from(key, 'base64').toString());
}

function base64(text) {
  return Buffer.from(text).toString('base64');
}

function call(address, method, body, timeoutMs) {
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent: connections, host: address, port: 2379, path: `/v3/kv/${method}`, method: 'POST' },
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
