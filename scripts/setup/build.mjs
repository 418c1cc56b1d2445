// The TypeScript build and the bundles made of it. `tsc -b` is incremental and is also the type check.
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { run } from './child.mjs';
import { root } from './paths.mjs';
import { step } from './progress.mjs';
import { reconcileOutput } from './stale-output.mjs';

/** @throws {Failure} with the messages of the compiler or of esbuild */
export async function build() {
  await step('building (tsc -b)', async () => {
    reconcileOutput();
    await run(
      process.execPath,
      [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', '--pretty', 'false'],
      {
        log: 'tsc',
        what: 'the build failed',
        next: 'fix what the compiler names above, then: npm run build',
      },
    );
  });
  await bundle();
}
