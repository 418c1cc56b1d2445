import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLogger } from './logger.js';
import { redactText } from './redaction.js';
import { temporaryDirectory } from './testing/scratch.js';

function collected() {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join(''), lines: () => chunks.map((chunk) => JSON.parse(chunk)) };
}

const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const pemBody = pem.split('\n').slice(1, -2);

test('planted secrets reach the log on no path: fields, nested, bindings, errors, messages, bytes', async () => {
  const secret = 'PLANTED-7f3a';
  const { stream, text } = collected();
  const log = await createLogger({ name: 'etcd-agent', destination: stream, level: 'trace' });
  const cause = Object.assign(new Error(`inner ${pem}`), { token: secret });
  const error = Object.assign(new Error(`bad key ${pem}`, { cause }), {
    password: secret,
    details: { secret },
  });
  log.info({ token: secret, secret, key: secret, privateKey: secret, password: secret }, 'fields');
  log.warn(
    { spec: { list: [{ join_token: secret, 'private-key': secret, agentKeyPem: secret }] } },
    'nested',
  );
  log.error(error);
  log.error({ err: error, errors: [error], more: { error } }, 'errors');
  log.fatal(error, `message ${pem}`);
  log
    .child({ token: secret, note: pem })
    .child({ inner: { password: secret } })
    .debug('bindings');
  log.info(`half of a key ${pem.slice(0, 300)} (cut off)`);
  log.info(
    { note: JSON.stringify({ file: pem }), bytes: Buffer.from(pem), more: new Map([['k', secret]]) },
    'wrapped',
  );
  log.info({ toJSON: () => ({ token: secret }) }, 'own JSON');
  const output = text();
  expect(output).toContain('[redacted]');
  expect(output).not.toContain(secret);
  for (const line of pemBody) {
    expect(output).not.toContain(line.slice(0, 20));
  }
});

test('what is no secret stays readable: public certificates, paths of keys, counts', async () => {
  const { stream, lines } = collected();
  const log = await createLogger({ name: 'etcd-agent', node: 'etcd0', destination: stream });
  const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  log
    .child({ component: 'link' })
    .info({ certificate, keyFile: '/etc/etcd/etcd-key.pem', id: 12n, none: null }, 'ready');
  log.debug('below the level');
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      name: 'etcd-agent',
      node: 'etcd0',
      component: 'link',
      certificate,
      keyFile: '/etc/etcd/etcd-key.pem',
      id: '12',
      none: null,
      msg: 'ready',
    },
  ]);
});

test('an error is logged with its type, message and stack', async () => {
  const { stream, lines } = collected();
  const log = await createLogger({ name: 'etcd-agent', destination: stream });
  log.error(Object.assign(new TypeError('no disk'), { code: 'EIO' }));
  expect(lines()[0]).toMatchObject({
    msg: 'no disk',
    err: {
      type: 'TypeError',
      message: 'no disk',
      code: 'EIO',
      stack: expect.stringContaining('logger.test'),
    },
  });
});

test('a circular object is cut, not a reason to crash', async () => {
  const { stream, lines } = collected();
  const log = await createLogger({ name: 'etcd-agent', destination: stream });
  const circle: Record<string, unknown> = {};
  circle.again = circle;
  log.info({ circle }, 'round');
  expect(lines()[0]).toMatchObject({ msg: 'round' });
});

test('the last line before a sudden end is in the file', async () => {
  const path = join(temporaryDirectory(), 'log', 'agent.log');
  const log = await createLogger({ name: 'etcd-agent', destination: path });
  log.info('last words');
  expect(readFileSync(path, 'utf8')).toContain('last words');
});

test('a text around a private key survives without it', () => {
  expect(redactText(`before ${pem} after`)).toBe('before [redacted]\n after');
  expect(redactText('no key here')).toBe('no key here');
});
