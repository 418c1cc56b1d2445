/** One renderer per format. */
import { stringify } from 'yaml';
import { apiVersion, type OutputFormat, type View } from './view.js';

/** Text for stdout, ending in a line feed; empty where a view has no data or no table. */
export function render(view: View, format: OutputFormat): string {
  if (view.document === undefined) return '';
  const document = { apiVersion, ...view.document };
  switch (format) {
    case 'table':
      return view.table === undefined || view.table === '' ? '' : `${view.table}\n`;
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'yaml':
      return stringify(document, { lineWidth: 0 });
  }
}
