// The one moment that is written into packages: of their files, their changelog, their manual pages. It follows from the
// sources, so that two builds of the same sources are the same bytes.
import { capture } from '../scripts/setup/child.mjs';

/** What a package is made of. A commit that changes none of these changes no package. */
const sources = [
  'agent',
  'coordinator',
  'packages',
  'packaging',
  'scripts/package.mjs',
  'scripts/setup/esbuild.mjs',
  'CHANGELOG.md',
  'LICENSE',
  'package.json',
  'pnpm-lock.yaml',
];

/** For a tree that is no git checkout, such as an unpacked archive: 2026-01-01. */
const withoutGit = 1_767_225_600;

/** Seconds: SOURCE_DATE_EPOCH, else the time of the last commit to the sources of packages, else a constant. */
export async function sourceDate(environment = process.env) {
  if (/^\d+$/.test(environment.SOURCE_DATE_EPOCH ?? '')) return Number(environment.SOURCE_DATE_EPOCH);
  const shallow = await capture('git', ['rev-parse', '--is-shallow-repository']).catch(() => undefined);
  if (shallow?.stdout.trim() === 'true')
    process.stderr.write(
      'this clone is shallow: the packages may differ from those of a whole one (SOURCE_DATE_EPOCH=N sets the time in them)\n',
    );
  const git = await capture('git', ['log', '-1', '--format=%ct', '--', ...sources]).catch(() => undefined);
  if (git?.code === 0 && /^\d+\s*$/.test(git.stdout)) return Number(git.stdout);
  process.stderr.write(
    'git does not tell the time of the last commit: the packages say 2026-01-01 (SOURCE_DATE_EPOCH=N sets another)\n',
  );
  return withoutGit;
}
