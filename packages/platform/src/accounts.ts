/**
 * Users and groups of this host by name. The files are read first; `getent` is asked for what they do not hold
 * (LDAP, systemd-userdb). Creating accounts does not belong here.
 */
import { readFile } from 'node:fs/promises';
import { runProgram } from './run.js';

export type AccountLookup =
  | { readonly kind: 'account'; readonly uid: number; readonly gid: number; readonly home: string }
  | { readonly kind: 'missing' };

export type GroupLookup = { readonly kind: 'group'; readonly gid: number } | { readonly kind: 'missing' };

export interface Accounts {
  /** The user of this name; `gid` is its primary group. */
  lookupAccount(name: string): Promise<AccountLookup>;
  lookupGroup(name: string): Promise<GroupLookup>;
}

/** Names as useradd accepts them. Anything else is missing, and never reaches `getent`'s argv. */
const namePattern = /^[a-z_][a-z0-9_-]{0,31}$/i;

/** The user of this name, from /etc/passwd or getent. Never throws. */
export async function lookupAccount(name: string): Promise<AccountLookup> {
  const [, , uid, gid, , home] = await databaseEntry('passwd', name);
  if (!isId(uid) || !isId(gid)) {
    return { kind: 'missing' };
  }
  return { kind: 'account', uid: Number(uid), gid: Number(gid), home: home ?? '/' };
}

/** The group of this name, from /etc/group or getent. Never throws. */
export async function lookupGroup(name: string): Promise<GroupLookup> {
  const [, , gid] = await databaseEntry('group', name);
  return isId(gid) ? { kind: 'group', gid: Number(gid) } : { kind: 'missing' };
}

export const linuxAccounts: Accounts = { lookupAccount, lookupGroup };

async function databaseEntry(database: 'passwd' | 'group', name: string): Promise<readonly string[]> {
  if (!namePattern.test(name)) {
    return [];
  }
  const local = await readFile(`/etc/${database}`, 'utf8').catch(() => '');
  const found = fieldsOf(local, name);
  if (found !== undefined) {
    return found;
  }
  const answer = await runProgram('getent', [database, name], { timeoutMs: 2_000, maxBytes: 64 * 1024 });
  return answer.kind === 'exited' && answer.code === 0 ? (fieldsOf(answer.stdout, name) ?? []) : [];
}

function fieldsOf(text: string, name: string): readonly string[] | undefined {
  return text
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':');
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
