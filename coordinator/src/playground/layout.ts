/** Where a playground keeps what: everything under one directory that carries its mark. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isSameProcess, linuxFiles, type ProcessIdentity } from '@etcd-agent/platform';
import * as z from 'zod';
import { Failure } from '../failure.js';

const processSchema = z.strictObject({ pid: z.int(), startTicks: z.int(), bootId: z.string() });
const markSchema = z.strictObject({
  apiVersion: z.literal('etcd-agent/v1'),
  kind: z.literal('Playground'),
  createdAt: z.iso.datetime(),
  etcd: z.string(),
  nodes: z.array(z.strictObject({ name: z.string(), agent: processSchema.optional() })),
});
export type PlaygroundMark = z.infer<typeof markSchema>;

/** `--dir`, or one place per user. */
export function playgroundDir(flag: string | undefined): string {
  return resolve(
    flag ?? join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'etcd-playground'),
  );
}

export function layout(dir: string) {
  const node = (name: string) => join(dir, name);
  return {
    dir,
    mark: join(dir, 'playground.json'),
    topology: join(dir, 'cluster.yaml'),
    state: join(dir, 'coordinator'),
    node,
    agentConfig: (name: string) => join(node(name), 'agent.yaml'),
    agentLog: (name: string) => join(node(name), 'agent.log'),
    etcdLog: (name: string) => join(node(name), 'agent', 'etcd.log'),
  };
}
export type Layout = ReturnType<typeof layout>;

/** The mark of a playground; undefined where the directory is missing or empty. Throws Failure for anything else in it. */
export async function readMark({ dir, mark }: Layout): Promise<PlaygroundMark | undefined> {
  const status = await linuxFiles.stat(dir);
  if (status.kind === 'missing') return undefined;
  const names = status.kind === 'directory' ? await linuxFiles.list(dir) : undefined;
  if (names?.length === 0) return undefined;
  if (names?.includes('playground.json')) {
    const parsed = markSchema.safeParse(parseJson(await linuxFiles.readText(mark)));
    if (parsed.success) return parsed.data;
  }
  throw new Failure({
    exit: 'refused',
    what: `${dir} is not a playground`,
    cause: 'it holds other things; nothing in it was touched',
    next: 'name another directory with --dir',
  });
}

export async function writeMark({ mark }: Layout, content: PlaygroundMark): Promise<void> {
  await linuxFiles.writeAtomic(mark, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

/** The agents of the mark that still run. */
export async function runningAgents(mark: PlaygroundMark): Promise<ReadonlyMap<string, ProcessIdentity>> {
  const running = new Map<string, ProcessIdentity>();
  for (const { name, agent } of mark.nodes) {
    if (agent !== undefined && (await isSameProcess(agent))) running.set(name, agent);
  }
  return running;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
