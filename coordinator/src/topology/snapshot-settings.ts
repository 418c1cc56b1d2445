/** The topology's `snapshots:` section: the agents' snapshot policy in operators' units. Left out: agents take none by themselves. */
import { plainPath, type SnapshotPolicy, snapshotPolicySchema } from '@etcd-agent/protocol';
import * as z from 'zod';
import { durationText, parseDuration } from '../durations.js';

const policy = snapshotPolicySchema.shape;

function durationWithin(field: z.ZodNumber) {
  const bounds = `${durationText(field.minValue ?? 0)} and ${durationText(field.maxValue ?? 0)}`;
  return z
    .string()
    .refine((text) => parseDuration(text) !== undefined, {
      error: 'is no duration such as 30m, 6h or 7d',
      abort: true,
    })
    .refine((text) => field.safeParse(parseDuration(text)).success, `is not between ${bounds}`);
}

export const snapshotsSchema = z
  .strictObject({
    every: durationWithin(policy.everyMs).describe(
      'The cluster takes one this often; one agent does, in turns, from its own member.',
    ),
    keep: policy.keep.describe('Verified ones that each node keeps of those it took.'),
    maxAge: durationWithin(policy.maxAgeMs.unwrap())
      .default(durationText(policy.maxAgeMs.parse(undefined)))
      .describe('Older ones go, the newest verified one of a node excepted.'),
    dir: plainPath.optional().describe("Where they lie on each node; left out: in the agent's state."),
    minFreeBytes: policy.minFreeBytes.describe(
      'Stays free on that disk beside a snapshot and its trial restore.',
    ),
  })
  .optional();
export type SnapshotSettings = z.infer<typeof snapshotsSchema>;

/** What goes to the agents. */
export function snapshotPolicy(settings: NonNullable<SnapshotSettings>): SnapshotPolicy {
  const { every, keep, maxAge, dir, minFreeBytes } = settings;
  return snapshotPolicySchema.parse({
    everyMs: parseDuration(every),
    keep,
    maxAgeMs: parseDuration(maxAge),
    minFreeBytes,
    ...(dir === undefined ? {} : { dir }),
  });
}
