/** What a test asks of a host's systemd. */
import { expect } from 'vitest';
import { until } from './commands.js';
import type { Host } from './host.js';
import { checkoutInHost, nodeInHost } from './places.js';

export function property(host: Host, unit: string, name: string): Promise<string> {
  return host.must('systemctl', 'show', '--value', '-p', name, unit);
}

export async function mainPid(host: Host, unit: string): Promise<string> {
  const pid = await property(host, unit, 'MainPID');
  expect(Number(pid)).toBeGreaterThan(0);
  return pid;
}

export async function kill(host: Host, unit: string): Promise<void> {
  await host.must('sh', '-c', `kill -KILL ${await mainPid(host, unit)}`);
}

/** Waits until the unit has another main process than this one, whose port may still take connections while it dies. */
export function another(host: Host, unit: string, than: string, limitMs = 60_000): Promise<string> {
  return until(`another process of ${unit}`, limitMs, async () => {
    const pid = await property(host, unit, 'MainPID');
    return pid !== '0' && pid !== than ? { value: pid } : { notYet: pid };
  });
}

/** For `until`. */
export function asExpected(seen: string, expected: string) {
  return seen === expected ? { value: seen } : { notYet: seen };
}

/** Runs `program` in the host with the adapter as `services`; returns what it observed by `see(label)`. */
export async function callServices(host: Host, program: string): Promise<Record<string, unknown>> {
  const text = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { systemdServices } from '@etcd-agent/platform';
    const services = systemdServices();
    const seen = {};
    const see = async (label) => { seen[label] = await services.observe(); };
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    ${program}
    process.stdout.write(JSON.stringify(seen));`;
  const inTests = ['env', '-C', `${checkoutInHost}/test`] as const;
  return JSON.parse(await host.must(...inTests, nodeInHost, '--input-type=module', '-e', text)) as Record<
    string,
    unknown
  >;
}
