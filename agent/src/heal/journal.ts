/**
 * What is written down of a repair, so that any agent process can go on with it. It names what cannot be read back from
 * the cluster or the disk: which member is replaced, which directory is condemned, which id the new member was given.
 * How far it has come is mostly seen from the truth, not from here.
 */
import * as z from 'zod';

const id = z.string().regex(/^[0-9a-f]{16}$/);

export const journalSchema = z.strictObject({
  schema: z.literal(1),
  id: z.uuid(),
  /** The rule whose evidence began it. */
  rule: z.string(),
  why: z.string(),
  startedAt: z.iso.datetime(),
  /** What was last about to be done; for people. */
  stage: z.enum([
    'begun',
    'movingLeader',
    'stopping',
    'removing',
    'quarantining',
    'adding',
    'added',
    'joining',
    'promoting',
    'finishing',
  ]),
  bootstrapId: z.uuid(),
  clusterId: id,
  oldId: id,
  /** The directory to be moved aside, by device and inode; null: there was none. */
  condemned: z.strictObject({ path: z.string(), dev: z.number(), ino: z.number() }).nullable(),
  /** Where data was moved to, newest last. */
  quarantines: z.array(z.string()).max(50),
  /** The id that `member add` gave. */
  newId: id.optional(),
  /**
   * A start of the new member was permitted: it may have run, and its directory may hold what it wrote. There is no second
   * start on an empty directory under its id.
   */
  joining: z.boolean(),
  /** How often a new entry was taken back. */
  attempts: z.int().min(0),
});
export type Journal = z.infer<typeof journalSchema>;
