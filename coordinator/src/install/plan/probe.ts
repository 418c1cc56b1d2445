/**
 * A host as the probe script found it, read from what the script printed. Whatever the account's own startup files print
 * beside it is passed over. Pure.
 */

/** May we act as root there? */
export type RootAccess =
  | { readonly kind: 'root' }
  | { readonly kind: 'sudo' }
  /** `said`: what sudo answered; empty where there is no sudo. */
  | { readonly kind: 'none'; readonly user: string; readonly said: string };

/** What `etcd-agent status` says there. */
export type AgentStatus =
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly said: string }
  | {
      readonly kind: 'known';
      readonly identity: { readonly cluster: string; readonly node: string } | undefined;
      readonly joinToken: { readonly node: string; readonly expiresAt: string } | undefined;
    };

export interface HostProbe {
  readonly os: { readonly id: string; readonly like: readonly string[]; readonly name: string };
  /** As `uname -m` says it. */
  readonly machine: string;
  /** Undefined: another C library. */
  readonly glibc: string | undefined;
  /** Its version; undefined: another init is process 1. */
  readonly systemd: number | undefined;
  /** Package managers that are there. */
  readonly programs: readonly string[];
  readonly root: RootAccess;
  /** The package of the agent, as each manager knows it. */
  readonly installed: { readonly deb: string | undefined; readonly rpm: string | undefined };
  readonly unit: { readonly active: boolean; readonly enabled: boolean };
  readonly status: AgentStatus;
}

export type ProbeReading =
  | { readonly kind: 'probe'; readonly probe: HostProbe }
  | { readonly kind: 'unreadable'; readonly why: string };

const linePattern = /^probe ([a-z.-]+) ?(.*)$/;

export function parseProbe(stdout: string): ProbeReading {
  const values = new Map<string, string>();
  const programs: string[] = [];
  for (const line of stdout.split('\n')) {
    const [, key, value = ''] = linePattern.exec(line.trimEnd()) ?? [];
    if (key === undefined) continue;
    if (key === 'program') programs.push(value);
    else values.set(key, value.trim());
  }
  if (!values.has('begin')) return { kind: 'unreadable', why: 'no shell ran the script' };
  if (!values.has('end')) return { kind: 'unreadable', why: 'its answer was cut short' };
  const value = (key: string) => (values.get(key) === '' ? undefined : values.get(key));
  return {
    kind: 'probe',
    probe: {
      os: {
        id: value('os.id') ?? 'unknown',
        like: (value('os.like') ?? '').split(' ').filter((word) => word !== ''),
        name: value('os.name') ?? value('os.id') ?? 'an unknown system',
      },
      machine: value('machine') ?? 'unknown',
      glibc: /^glibc (\d+\.\d+)/.exec(value('libc') ?? '')?.[1],
      systemd: value('init') === 'systemd' ? systemdVersion(value('systemd')) : undefined,
      programs,
      root: rootAccess(value('user') ?? 'this account', value('root') ?? 'no'),
      installed: { deb: debVersion(value('deb')), rpm: value('rpm') },
      unit: {
        active: ['active', 'activating', 'reloading'].includes(value('unit.active') ?? ''),
        enabled: value('unit.enabled') === 'enabled',
      },
      status: agentStatus(value('status'), value('status.failed')),
    },
  };
}

function systemdVersion(text: string | undefined): number {
  return Number(/^systemd (\d+)/.exec(text ?? '')?.[1] ?? 0);
}

function rootAccess(user: string, text: string): RootAccess {
  if (text === 'root' || text === 'sudo') return { kind: text };
  return { kind: 'none', user, said: text.replace(/^no ?/, '') };
}

/** `0.1.0 install ok installed`; anything but the last word is a package half way in or out. */
function debVersion(text: string | undefined): string | undefined {
  return /^(\S+) \S+ ok installed$/.exec(text ?? '')?.[1];
}

function agentStatus(json: string | undefined, failed: string | undefined): AgentStatus {
  if (failed !== undefined) return { kind: 'failed', said: failed };
  if (json === undefined) return { kind: 'absent' };
  const parsed = parseJson(json);
  if (parsed === undefined) return { kind: 'failed', said: 'it printed no JSON' };
  const identity = textsOf(parsed.identity, 'cluster', 'node');
  const joinToken = textsOf(parsed.joinToken, 'node', 'expiresAt');
  return { kind: 'known', identity, joinToken };
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function textsOf<K extends string>(value: unknown, ...keys: K[]): Record<K, string> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = keys.map((key) => [key, (value as Record<string, unknown>)[key]] as const);
  if (entries.some(([, text]) => typeof text !== 'string')) return undefined;
  return Object.fromEntries(entries) as Record<K, string>;
}
