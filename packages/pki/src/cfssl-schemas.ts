/**
 * Schemas of the pieces of cfssl's vocabulary. The readers of cfssl's files are built from them, and so can be any
 * other file that speaks it. Each checks one value fully, so that one reading reports all problems.
 */
import * as z from 'zod';
import { parseExpiry } from './expiry.js';
import { readHost } from './hosts.js';
import { type KeyRequest, keyRequests, supportedKinds } from './key.js';
import { PkiError } from './pki-error.js';
import { subjectFieldProblem } from './subject.js';
import { isUsage, knownUsages, type Usage } from './usages.js';

/** cfssl's `key`. */
export const keyRequestSchema = z
  .strictObject({ algo: z.string(), size: z.number() })
  .transform((value, context): KeyRequest => {
    const found = keyRequests.find(({ algo, size }) => algo === value.algo && size === value.size);
    if (found !== undefined) return found;
    context.addIssue({
      code: 'custom',
      message: `${value.algo} ${value.size} is not supported; ${supportedKinds}`,
    });
    return z.NEVER;
  });

/** cfssl's `CN`. */
export const commonNameSchema = subjectField('CN').refine((text) => text.trim() !== '', {
  message: 'is empty; every certificate has a common name',
});

/** One entry of cfssl's `names`. */
export const subjectNameSchema = z.strictObject({
  C: subjectField('C').optional(),
  ST: subjectField('ST').optional(),
  L: subjectField('L').optional(),
  O: subjectField('O').optional(),
  OU: subjectField('OU').optional(),
});

/** One entry of cfssl's `hosts`. */
export const hostSchema = z.string().superRefine((text, context) => {
  const host = readHost(text);
  if (host.kind === 'bad') context.addIssue({ code: 'custom', message: host.message });
});

/** cfssl's `expiry`, still as text. */
export const expirySchema = z.string().superRefine((text, context) => {
  try {
    parseExpiry(text);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** One entry of cfssl's `usages`. */
export const usageSchema = z.string().transform((word, context): Usage => {
  if (isUsage(word)) return word;
  context.addIssue({
    code: 'custom',
    message: `${JSON.stringify(word)} is unknown; known are: ${knownUsages.join(', ')}`,
  });
  return z.NEVER;
});

function subjectField(field: Parameters<typeof subjectFieldProblem>[0]) {
  return z.string().superRefine((text, context) => {
    const message = subjectFieldProblem(field, text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}
