/**
 * The quota that an etcd runs with, by its metrics: what is configured counts from its next start only, and no call of its
 * API tells it before 3.6.
 */
import { get } from 'node:https';
import type { AdminCredentials } from '../cluster/probe-members.js';

const metricsMsMax = 5_000;
/** They are some hundred kilobytes. */
const metricsBytesMax = 8 * 1024 * 1024;

/** Bytes; undefined where it does not answer, or does not tell. */
export async function runningQuota(
  endpoint: string,
  { ca, cert, key }: AdminCredentials,
): Promise<number | undefined> {
  const text = await new Promise<string>((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const options = { ca, cert, key, agent: false, signal: AbortSignal.timeout(metricsMsMax) } as const;
    const request = get(`${endpoint}/metrics`, options, (answer) => {
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > metricsBytesMax) request.destroy(new Error('too long'));
        else chunks.push(chunk);
      });
      answer.on('end', () => resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString() : ''));
      answer.on('error', () => resolve(''));
    });
    request.on('error', () => resolve(''));
  });
  return quotaIn(text);
}

/** As Go prints a float: `2.147483648e+09`. */
export function quotaIn(metrics: string): number | undefined {
  const found = /^etcd_server_quota_backend_bytes (\S+)$/m.exec(metrics)?.[1];
  const bytes = Number(found ?? Number.NaN);
  return Number.isFinite(bytes) && bytes > 0 ? bytes : undefined;
}
