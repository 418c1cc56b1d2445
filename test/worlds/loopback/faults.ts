/** What is done to a node of a loopback cluster, each as one function. What heals it is the agents' own. */
import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { kill, killAndWait, type TestNode } from '../../support/index.js';

/** SIGSTOP for etcd: it holds its ports and answers nothing. The way back is its end. */
export function hang(node: TestNode): void {
  kill(node.etcdPid()!, 'SIGSTOP');
}

/** Everything in the data dir is deleted: while etcd runs, which goes on with open files, or just before it is killed. */
export async function wipe(node: TestNode, etcd: 'running' | 'killed'): Promise<void> {
  for (const name of readdirSync(node.dataDir)) takeAway(join(node.dataDir, name));
  if (etcd === 'killed') await node.killEtcd();
}

/** The data dir itself is gone. */
export async function removeDataDir(node: TestNode): Promise<void> {
  takeAway(node.dataDir);
  await node.killEtcd();
}

// At one stroke: an etcd that is started while files are going would see some of them.
function takeAway(path: string): void {
  const trash = `${path}.taken`;
  renameSync(path, trash);
  rmSync(trash, { recursive: true, force: true });
}

/** One byte in the middle of what the WAL holds is another, within a key that a client has written, and etcd is killed. */
export async function corruptWal(node: TestNode): Promise<void> {
  await underneath(node, () => flipInWal(node.dataDir, 'round-'));
}

/** One byte within such a text in the middle of a WAL that no etcd runs on is another. */
export function flipInWal(dataDir: string, text: string): void {
  const directory = join(dataDir, 'member', 'wal');
  const path = join(directory, readdirSync(directory).find((name) => name.endsWith('.wal'))!);
  const bytes = readFileSync(path);
  const found = placesOf(bytes, text);
  if (found.length < 4) throw new Error(`${path} holds nothing that a client wrote`);
  const at = found[found.length >> 1]!;
  overwrite(path, at, Buffer.of(bytes[at]! ^ 0xff));
}

/** Pages at the head of a database: two with its root, and what came first after them. */
const headBytes = 3 * 4_096;

/** The database file is cut off after its head, and etcd is killed. */
export async function truncateDb(node: TestNode): Promise<void> {
  await underneath(node, () => truncateSync(join(node.dataDir, 'member', 'snap', 'db'), headBytes));
}

// Killed first, it would be started again while its files are being changed.
async function underneath(node: TestNode, change: () => void): Promise<void> {
  hang(node);
  change();
  await node.killEtcd();
}

function placesOf(bytes: Buffer, text: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) found.push(at);
  return found;
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

/** The host goes: agent and etcd at once, as a power cut ends them. */
export async function powerOff(node: TestNode): Promise<void> {
  await node.endAgent();
  await Promise.all(node.etcdPids().map(killAndWait));
}

/** A copy of the data dir of a host without power. */
export function copyDisk(node: TestNode): string {
  const copy = join(node.dir, 'copy-of-data');
  rmSync(copy, { recursive: true, force: true });
  cpSync(node.dataDir, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** The data dir of a host without power is as it was when it was copied. The directory itself stays. */
export function rollBack(node: TestNode, copy: string): void {
  for (const name of readdirSync(node.dataDir)) {
    if (!name.startsWith('.quarantine-')) rmSync(join(node.dataDir, name), { recursive: true, force: true });
  }
  cpSync(copy, node.dataDir, { recursive: true, preserveTimestamps: true });
}

/** What a backup of a whole host holds, agent and all; `/run` is in none. */
const backedUp = ['stateDir', 'dataDir', 'confDir'] as const;

/** A backup of a host without power. */
export function backUpHost(node: TestNode): void {
  for (const name of backedUp)
    cpSync(node[name], backupOf(node, name), { recursive: true, preserveTimestamps: true });
}

/** A host without power is put back as it was when it was backed up. */
export function restoreHost(node: TestNode): void {
  rmSync(node.runDir, { recursive: true, force: true });
  for (const name of backedUp) {
    rmSync(node[name], { recursive: true, force: true });
    cpSync(backupOf(node, name), node[name], { recursive: true, preserveTimestamps: true });
  }
}

function backupOf(node: TestNode, name: string): string {
  return join(node.dir, 'backup', name);
}

/** etcd.conf, certificates and keys of etcd are deleted, and etcd ends. */
export async function loseConf(node: TestNode): Promise<void> {
  rmSync(node.confDir, { recursive: true, force: true });
  await node.killEtcd();
}

/** Changes a value in the store of a member that does not run, behind the back of its log. Returns how often it was there. */
export function divergeStore(node: TestNode, value: string): number {
  const path = join(node.dataDir, 'member', 'snap', 'db');
  const bytes = readFileSync(path);
  const places = placesOf(bytes, value);
  for (const at of places) overwrite(path, at, Buffer.of(bytes[at]! ^ 0x20));
  return places.length;
}
