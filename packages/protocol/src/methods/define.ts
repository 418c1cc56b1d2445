/**
 * The shape of a method table and the types that follow from it.
 */
import * as z from 'zod';
import type { CallerRole } from '../identity.js';
import { limits } from '../limits.js';

export interface MethodDefinition {
  readonly roles: readonly CallerRole[];
  readonly params: z.ZodType;
  readonly result: z.ZodType;
}
export type MethodTable = Readonly<Record<string, MethodDefinition>>;

/** Checks the table's shape and keeps its exact types. */
export function defineMethods<T extends MethodTable>(table: T): T {
  return table;
}

export type Params<T extends MethodTable, M extends keyof T> = z.infer<T[M]['params']>;
export type ResultOf<T extends MethodTable, M extends keyof T> = z.infer<T[M]['result']>;

/** One handler per method: a method without a handler does not compile. */
export type Handlers<T extends MethodTable, Context> = {
  readonly [M in keyof T]: (params: Params<T, M>, context: Context) => Promise<ResultOf<T, M>>;
};

/** PEM text, bounded before anybody parses it. */
export const pem = z.string().min(1).max(limits.requestPemBytesMax).startsWith('-----BEGIN ');
