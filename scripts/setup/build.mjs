// The TypeScript build. `tsc -b` is incremental and is also the type check.
import { join } from 'node:path';
import { run } from './child.mjs';
import { root } from './paths.mjs';
import { step } from './progress.mjs';
import { reconcileOutput } from './stale-output.mjs';

/** @throws {Failure} with the compiler's messages */
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
}
