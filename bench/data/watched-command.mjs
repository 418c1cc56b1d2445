// A command run to its end: how long it takes, the most memory it had, and how long another client's write waited meanwhile.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { start } from '../bootstrap/owned-processes.mjs';

const writeEveryMs = 20;
const writeMsMax = 120_000;
const sampleMs = 50;

export async function watched(file, args, { env = {}, endpoints, cwd }) {
  const began = performance.now();
  const program = file.endsWith('.js') ? [process.execPath, [file, ...args]] : [file, args];
  const plain = Object.entries(process.env).filter(
    ([name]) => !/^(ETCD|ETCDCTL|COORDINATOR|NODE)_/.test(name),
  );
  const child = start(...program, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(plain), ...env },
    cwd,
  });
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid));
  }, sampleMs);
  let [stdout, stderr, stdoutBytes] = ['', '', 0];
  child.stdout.on('data', (chunk) => {
    stdoutBytes += chunk.length;
    // A million keys are counted and not kept.
    if (stdout.length < 1_000_000) stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close');
  const stall = endpoints === undefined ? undefined : writeUntil(endpoints, ended);
  const [code] = await ended;
  clearInterval(sampling);
  const tookMs = performance.now() - began;
  if (code !== 0)
    throw new Error(`${file} ${args.join(' ')} ended with ${code}\n${stdout.slice(0, 2_000)}${stderr}`);
  return { tookMs, peakMB: peakBytes / 1e6, stdout, stdoutBytes, stderr, longestStallMs: await stall };
}

/** One write after the other through the members in turn; the longest that one took. */
async function writeUntil(endpoints, ended) {
  let over = false;
  ended.finally(() => {
    over = true;
  });
  let longestMs = 0;
  for (let at = 0; !over; at += 1) {
    const began = performance.now();
    await endpoints[at % endpoints.length].put(`/another/client/${at % 100}`, String(at), writeMsMax);
    longestMs = Math.max(longestMs, performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, writeEveryMs));
  }
  return longestMs;
}

/** The kernel keeps the peak itself. */
function peakOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
