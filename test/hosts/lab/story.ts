/**
 * A file of hosts tests is one story, told in order on one lab. Where this machine cannot run hosts it is skipped with the
 * reason, which is a failure where CI is set.
 */
import { afterAll, afterEach, beforeEach, test } from 'vitest';
import type { Host } from './host.js';
import { type Lab, type LabOptions, openLab } from './lab.js';

/** Boots the hosts, `prepare` having been called on each, and tells the story on them. */
export async function story(
  prepare: (host: Host) => void,
  tell: (lab: Lab) => void,
  options?: LabOptions,
): Promise<void> {
  const opening = await openLab(prepare, options);
  if (opening.kind === 'unable') return skipped(opening.why);
  const { lab } = opening;
  afterAll(() => lab.close());
  // It is one story: what comes after a failure would only repeat it, slowly.
  let broken = false;
  beforeEach(({ skip }) => skip(broken, 'an earlier part of the story failed'));
  afterEach(({ task }) => {
    broken ||= task.result?.state === 'fail';
  });
  tell(lab);
}

function skipped(why: string): void {
  process.stderr.write(`hosts: not run here: ${why}\n`);
  test.skipIf((process.env.CI ?? '') === '')(`real systemd hosts (not run here: ${why})`, () => {
    throw new Error(why);
  });
}
