/**
 * What the agent remembers on disk, typed: who it is, what it was told, which data dir it made. Every write is atomic
 * and durable before the caller goes on; every read is checked.
 */
import type { Files } from '@etcd-agent/platform';
import {
  decodeToken,
  type JoinToken,
  type MemberSpec,
  memberSpecSchema,
  nameSchema,
  pem,
} from '@etcd-agent/protocol';
import * as z from 'zod';
import type { AgentPaths } from './config.js';
import { optionalText } from './optional-text.js';
import { refuseForeignStateDir } from './own-state-dir.js';

const identitySchema = z.strictObject({
  cluster: nameSchema,
  node: nameSchema,
  /** PEM of the agent CA that this agent trusts, of its own certificate, and of the certificate's key: one file, so
   * that a power cut never leaves a key of one identity beside the certificate of another. */
  agentCa: pem,
  certificate: pem,
  key: pem,
  /** The token this identity came from; burnt once the identity has been used. */
  tokenId: z.uuid(),
});
export type StoredIdentity = z.infer<typeof identitySchema>;

const pendingEnrolmentSchema = z.strictObject({ tokenId: z.uuid(), key: pem, request: pem });
export type PendingEnrolment = z.infer<typeof pendingEnrolmentSchema>;

const dataDirRecordSchema = z.strictObject({
  path: z.string(),
  dev: z.number(),
  ino: z.number(),
  bootstrapId: z.uuid(),
  /**
   * `claimed`: taken empty. `begun`: a WAL was seen in it, so its member exists and may never start empty again.
   * `retired`: moved aside, or about to be; nothing of this bootstrap starts empty here any more.
   */
  stage: z.enum(['claimed', 'begun', 'retired']),
});
export type DataDirRecord = z.infer<typeof dataDirRecordSchema>;

/** A state file that is there but cannot be understood: nothing is guessed from it. */
export class StateError extends Error {
  override readonly name = 'StateError';
  constructor(
    readonly path: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`${path} ${why}; restore it from a backup or move it aside`, options);
  }
}

const secretFile = { mode: 0o600 } as const;

export class Store {
  /** What the loops ask for every second is read from disk once: the lock on the state directory makes this the one writer. */
  private readonly known: {
    spec?: { readonly value: MemberSpec | undefined };
    record?: { readonly value: DataDirRecord | undefined };
  } = {};

  constructor(
    private readonly files: Files,
    private readonly paths: AgentPaths,
  ) {}

  /** Makes the state directory private. Throws where it is somebody else's; see refuseForeignStateDir. */
  async prepare(): Promise<void> {
    await refuseForeignStateDir(this.files, this.paths.stateDir);
    await this.files.makeDirectory(this.paths.stateDir, { mode: 0o700 });
    await this.files.makeDirectory(this.paths.keysDir, { mode: 0o700 });
    await this.files.makeDirectory(this.paths.copiesDir, { mode: 0o700 });
    // One that is there already may be shared: its mode is not ours to set.
    if ((await this.files.stat(this.paths.runDir)).kind !== 'directory')
      await this.files.makeDirectory(this.paths.runDir, { mode: 0o755 });
  }

  async identity(): Promise<StoredIdentity | undefined> {
    return this.readJson(this.paths.identity, identitySchema);
  }

  /** The certified key becomes the identity. */
  async keepIdentity(identity: StoredIdentity): Promise<void> {
    await this.writeJson(this.paths.identity, identitySchema.parse(identity));
    await this.files.remove(this.paths.pendingEnrolment);
  }

  async joinToken(): Promise<JoinToken | undefined> {
    const text = await optionalText(this.files, this.paths.joinToken);
    if (text === undefined) return undefined;
    const reading = decodeToken(text);
    if (reading.kind === 'malformed')
      throw new StateError(this.paths.joinToken, `is no join token: ${reading.why}`);
    return reading.token;
  }

  async keepJoinToken(text: string): Promise<void> {
    await this.files.writeAtomic(this.paths.joinToken, `${text.trim()}\n`, secretFile);
  }

  async burnJoinToken(): Promise<void> {
    await this.files.remove(this.paths.joinToken);
  }

  /** Key and request of an enrolment under way; durable before the request is shown to anybody. */
  async pendingEnrolment(): Promise<PendingEnrolment | undefined> {
    return this.readJson(this.paths.pendingEnrolment, pendingEnrolmentSchema);
  }

  async keepPendingEnrolment(pending: PendingEnrolment): Promise<void> {
    await this.writeJson(this.paths.pendingEnrolment, pending);
  }

  async spec(): Promise<MemberSpec | undefined> {
    this.known.spec ??= { value: await this.readJson(this.paths.spec, memberSpecSchema) };
    return this.known.spec.value;
  }

  async keepSpec(spec: MemberSpec): Promise<void> {
    await this.writeJson(this.paths.spec, spec);
    this.known.spec = { value: spec };
  }

  async dataDirRecord(): Promise<DataDirRecord | undefined> {
    this.known.record ??= { value: await this.readJson(this.paths.dataDirRecord, dataDirRecordSchema) };
    return this.known.record.value;
  }

  async keepDataDirRecord(record: DataDirRecord): Promise<void> {
    await this.writeJson(this.paths.dataDirRecord, record);
    this.known.record = { value: record };
  }

  private async readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const text = await optionalText(this.files, path);
    if (text === undefined) return undefined;
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (error) {
      throw new StateError(path, 'is not JSON', { cause: error });
    }
    const parsed = schema.safeParse(body);
    if (!parsed.success)
      throw new StateError(path, 'does not have the expected shape', { cause: parsed.error });
    return parsed.data;
  }

  private async writeJson(path: string, value: unknown): Promise<void> {
    await this.files.writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`, secretFile);
  }
}
