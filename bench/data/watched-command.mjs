// A command run to its end: how long it takes, the most memory it had, and how long another client's write waited meanwhile.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { start } from '../bootstrap/owned-processes.mjs';

const writeEveryMs = 20;
const writeMsMax = 120_000;
const sampleMs = 50;

/** `ended`: what the command may end with beside 0, in its own words. It is over when every member has caught up with it. */
export async function watched(file, args, { env = {}, endpoints, cwd, ended: alsoEnded }) {
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
  const closed = once(child, 'close');
  const over = closed.then(() => Promise.all((endpoints ?? []).map(caughtUp)));
  const stall = endpoints === undefined ? undefined : writeUntil(endpoints, over);
  const [code] = await closed;
  clearInterval(sampling);
  await over;
  const tookMs = performance.now() - began;
  const isFine = code === 0 || alsoEnded?.test(stderr) === true;
  if (!isFine)
    throw new Error(`${file} ${args.join(' ')} ended with ${code}\n${stdout.slice(0, 2_000)}${stderr}`);
  const longestStallMs = await stall;
  const stalled =
    longestStallMs === undefined ? '' : `, another client waited ${longestStallMs.toFixed(0)} ms at most`;
  process.stderr.write(`${args.slice(0, 5).join(' ')}: ${(tookMs / 1000).toFixed(1)} s${stalled}\n`);
  return { tookMs, peakMB: peakBytes / 1e6, stdout, stdoutBytes, stderr, longestStallMs, code };
}

/** One write after the other through the members in turn; the longest that one took. */
async function writeUntil(endpoints, end) {
  let over = false;
  end.finally(() => {
    over = true;
  });
  let longestMs = 0;
  for (let at = 0; !over; at += 1) {
    const began = performance.now();
    await untilDone(() =>
      endpoints[at % endpoints.length].put(`/another/client/${at % 100}`, String(at), writeMsMax),
    );
    longestMs = Math.max(longestMs, performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, writeEveryMs));
  }
  return longestMs;
}

/** A linearizable read of a member waits until it has carried out all that was before. */
function caughtUp(endpoint) {
  return untilDone(() => endpoint.read('/another/client/0', writeMsMax));
}

/** etcd gives up on a request after some seconds of its own; the client asks again, and has waited all the same. */
export async function untilDone(act) {
  const began = performance.now();
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (performance.now() - began > writeMsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, writeEveryMs));
    }
  }
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
