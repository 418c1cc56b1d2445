/**
 * What a command returns: its data, how the data looks as a table, how it ends, and what to run next. Commands do not print.
 */
import type { ExitName } from '../failure.js';

export const apiVersion = 'etcd-agent/v1';

export interface View {
  /** The data, for json and yaml. Ids are hex strings, 64-bit numbers are strings. Undefined: it was printed already. */
  readonly document: ({ readonly kind: string } & Readonly<Record<string, unknown>>) | undefined;
  /** The same for people, without a final line feed. Undefined: nothing goes to stdout in table form. */
  readonly table: string | undefined;
  readonly exit?: ExitName;
  /** Remarks and next commands, for stderr; not in json and yaml output. */
  readonly notes?: readonly string[];
}

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];
