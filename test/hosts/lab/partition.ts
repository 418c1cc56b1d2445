/**
 * Cuts in the lab's network: what the bridge may not hand on, by the ports that packets come in and go out by. The coordinator
 * and the applications sit at the bridge itself, each with an address. What is cut off hears nothing of it, as behind a switch that died.
 */
import { must } from './commands.js';
import { portOf } from './network.js';
import { type HostName, labNamespace, subnet } from './places.js';

export type Side = HostName | 'coordinator' | 'application';

/** In the lab's own namespace, so that it goes with it. */
const table = 'bridge cuts';

/** No packet goes from any of these to any of those, nor, unless `oneWay`, back. Adds to the cuts that are there. */
export async function cut(
  from: readonly Side[],
  to: readonly Side[],
  { oneWay = false }: { readonly oneWay?: boolean } = {},
): Promise<void> {
  const pairs = from.flatMap((a) => to.filter((b) => b !== a).map((b) => [a, b] as const));
  const ways = oneWay ? pairs : pairs.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
  const chains = ['input', 'forward', 'output'].map(
    (hook) => `add chain ${table} ${hook} { type filter hook ${hook} priority 0 ; }`,
  );
  await nft([
    `add table ${table}`,
    ...chains,
    ...ways.map(([a, b]) => `add rule ${table} ${dropping(a, b)}`),
  ]);
}

/** Every cut is mended. */
export async function mend(): Promise<void> {
  // Adding first: a table that is not there cannot be deleted.
  await nft([`add table ${table}`, `delete table ${table}`]);
}

function dropping(from: Side, to: Side): string {
  if (isAtBridge(from)) return `output oifname "${portOf(to)}" ip saddr ${subnet[from]} drop`;
  if (isAtBridge(to)) return `input iifname "${portOf(from)}" ip daddr ${subnet[to]} drop`;
  return `forward iifname "${portOf(from)}" oifname "${portOf(to)}" drop`;
}

function isAtBridge(side: Side): side is 'coordinator' | 'application' {
  return side === 'coordinator' || side === 'application';
}

async function nft(commands: readonly string[]): Promise<void> {
  await must('ip', ['netns', 'exec', labNamespace, 'nft', '-f', '-'], { input: `${commands.join('\n')}\n` });
}
