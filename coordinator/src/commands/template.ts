/** `coordinator template`: a commented topology, or the JSON schema of one. */
import type { View } from '../output/view.js';
import { topologyTemplate } from '../topology/template.js';

export async function template(options: { readonly schema: boolean }): Promise<View> {
  if (!options.schema) {
    return {
      document: { kind: 'TopologyTemplate', text: topologyTemplate },
      table: topologyTemplate.trimEnd(),
      notes: ['next: save it as cluster.yaml, edit it, then coordinator init -f cluster.yaml'],
    };
  }
  const { topologyJsonSchema } = await import('../topology/json-schema.js');
  const schema = topologyJsonSchema();
  return { document: { kind: 'TopologySchema', schema }, table: JSON.stringify(schema, null, 2) };
}
