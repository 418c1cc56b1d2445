/**
 * The topology's `healing:` section: the policy of the agents in operators' units. Bounds and defaults are those of the
 * wire, so that what is written here is what every agent takes.
 */
import { type HealingPolicy, healingPolicySchema } from '@etcd-agent/protocol';
import * as z from 'zod';
import { durationText, parseDuration } from '../durations.js';

const policy = healingPolicySchema.shape;

/** A key of the section, the policy's number that it stands for, and its reason, which the template and the JSON schema show. */
const durations = {
  watch: ['watchMs', 'An agent that has just started watches this long before it begins a repair.'],
  evidence: ['evidenceMs', 'How long the evidence for a repair must stand.'],
  hang: ['hangMs', 'Silence of an etcd that runs, after which it is restarted.'],
  hangUptime: ['hangUptimeMs', 'An etcd that started less than this ago may still be catching up.'],
  stopped: ['stoppedMs', 'An etcd stopped by hand is started again after this.'],
  removed: ['removedMs', 'A member removed by hand is added again after this.'],
  orphan: ['orphanMs', 'An entry that never started, of a node nobody hears of, is removed after this.'],
  replace: ['replaceMs', 'How long a member that a reinstalled host replaces must have been inactive.'],
  hold: ['holdMs', 'A repair that did not hold this long counts as one of a series.'],
  joinStall: ['joinStallMs', 'A joining member that receives nothing this long is added anew.'],
  quarantine: [
    'quarantineMs',
    'Data moved aside is kept this long; the newest, and what the last repair began with, are never removed.',
  ],
} as const satisfies Record<string, readonly [keyof HealingPolicy, string]>;
type DurationKey = keyof typeof durations;

function durationOf(key: DurationKey) {
  const [field, reason] = durations[key];
  const bounds = policy[field].unwrap();
  const [least, most] = [bounds.minValue ?? 0, bounds.maxValue ?? Number.MAX_SAFE_INTEGER];
  return z
    .string()
    .refine((text) => parseDuration(text) !== undefined, {
      error: 'is no duration such as 500ms, 10s, 15m, 24h or 7d',
      abort: true,
    })
    .refine(
      (text) => policy[field].safeParse(parseDuration(text)).success,
      `is not between ${durationText(least)} and ${durationText(most)}`,
    )
    .default(durationText(policy[field].parse(undefined)))
    .describe(reason);
}

export const healingSchema = z
  .strictObject({
    mode: policy.mode.describe('heal, or watch: everything is decided and explained, nothing is done.'),
    watch: durationOf('watch'),
    evidence: durationOf('evidence'),
    hang: durationOf('hang'),
    hangUptime: durationOf('hangUptime'),
    stopped: durationOf('stopped'),
    removed: durationOf('removed'),
    orphan: durationOf('orphan'),
    replace: durationOf('replace'),
    hold: durationOf('hold'),
    repairsPerDayMax: policy.repairsPerDayMax.describe(
      'More repairs of one node in a day wait for a person.',
    ),
    joinStall: durationOf('joinStall'),
    quarantine: durationOf('quarantine'),
    quarantineBytesMax: policy.quarantineBytesMax.describe('Bytes of all the other quarantines of a node.'),
  })
  .prefault({});
export type HealingSettings = z.infer<typeof healingSchema>;

/** What goes to the agents. */
export function healingPolicy(settings: HealingSettings): HealingPolicy {
  const { mode, repairsPerDayMax, quarantineBytesMax } = settings;
  const entries = Object.entries(durations) as [DurationKey, readonly [keyof HealingPolicy, string]][];
  const inMs = Object.fromEntries(entries.map(([key, [field]]) => [field, parseDuration(settings[key])]));
  return healingPolicySchema.parse({ mode, repairsPerDayMax, quarantineBytesMax, ...inMs });
}
