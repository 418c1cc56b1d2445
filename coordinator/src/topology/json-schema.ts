/** The topology's JSON schema, for editors: `# yaml-language-server: $schema=...`. */
import * as z from 'zod';
import { topologySchema } from './schema.js';

export function topologyJsonSchema(): object {
  return z.toJSONSchema(topologySchema, { io: 'input', unrepresentable: 'any' });
}
