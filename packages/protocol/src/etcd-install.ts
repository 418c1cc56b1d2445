/**
 * Putting an etcd on a host: what an agent says of the etcd that is there, and how a file is handed to it in pieces.
 * What is installed where is decided by the coordinator; whether it may be, by the agent.
 */
import * as z from 'zod';
import { sha256Hex } from './ids.js';
import { etcdProgramSchema } from './preflight.js';

/** An upstream archive of etcd is 20 MB, a bare binary 30 MB. */
export const etcdFileBytesMax = 512 * 1024 * 1024;

/** Nothing on the wire says what to run: an agent knows one command for each package manager. */
export const packageChoiceSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('available'),
    manager: z.enum(['apt', 'dnf', 'yum']),
    packages: z.array(z.string()).min(1).max(4),
  }),
  z.strictObject({ kind: z.literal('unavailable'), why: z.string() }),
]);
export type PackageChoice = z.infer<typeof packageChoiceSchema>;

/** The file that the etcd in use was installed from by an agent. */
export const installedFileSchema = z.strictObject({ version: z.string(), sha256: sha256Hex });
export type InstalledFile = z.infer<typeof installedFileSchema>;

export const etcdInstallationSchema = z.strictObject({
  etcd: etcdProgramSchema,
  /** Of the etcd above, where an agent has installed it from a file. */
  installed: installedFileSchema.nullable(),
  /** Where versions from files go; null where agent.yaml names one etcd, which nobody replaces. */
  directory: z.string().nullable(),
  /** As the ELF header of a program names it, such as `x64`. */
  architecture: z.string(),
  package: packageChoiceSchema,
  /** Why no other etcd may be installed here now: one runs, or there is data of a member. */
  held: z.string().nullable(),
  /** An installation by the package manager that is under way, or was cut short. */
  unfinished: z.boolean(),
});
export type EtcdInstallation = z.infer<typeof etcdInstallationSchema>;

/** What an installation came to. `changed`: it was not there before. */
export const installEndSchema = z.strictObject({
  version: z.string(),
  path: z.string(),
  changed: z.boolean(),
});
export type InstallEnd = z.infer<typeof installEndSchema>;
