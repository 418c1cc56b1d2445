/** Room in etcd's database: its history, its gaps, its limit, and the alarms that tell of its end. */
import { InvalidArgumentError } from 'commander';
import { command, context, group, program, show, wholeNumber } from './program.js';

export function roomCommands(): void {
  command(program, 'compact', 'throw away what keys were before; what they are stays')
    .option('--revision <n>', 'at this revision instead of the newest', revision)
    .option('--keep <n>', 'so many revisions before the newest stay', wholeNumber, 0)
    .option('-y, --yes', 'do not ask')
    .action((options: { revision?: string; keep: number; yes?: boolean }) =>
      show(async () =>
        (await import('../commands/compact.js')).compact(await context(), {
          revision: options.revision,
          keep: options.keep,
          yes: options.yes === true,
        }),
      ),
    );
  command(
    program,
    'defrag [nodes...]',
    'give gaps of the database back to the disk, one member at a time, the leader last',
  )
    .option('--dry-run', 'print the order, change nothing')
    .option('--force', 'in spite of a version with a known defect')
    .action((nodes: string[], options: { dryRun?: boolean; force?: boolean }) =>
      show(async () =>
        (await import('../commands/defrag.js')).defrag(await context(), {
          nodes,
          dryRun: options.dryRun === true,
          force: options.force === true,
        }),
      ),
    );
  const alarm = group('alarm', 'what makes etcd refuse writes');
  command(alarm, 'list', 'alarms that are armed, and the way out').action(() =>
    show(async () => (await import('../commands/alarm.js')).alarmList(await context())),
  );
  command(
    alarm,
    'disarm [type]',
    'take an alarm back whose cause is gone, then write through every member',
  ).action((type: string | undefined) =>
    show(async () => (await import('../commands/alarm.js')).alarmDisarm(await context(), type)),
  );
  const quota = group('quota', 'how full the databases are').action(() =>
    show(async () => (await import('../commands/quota.js')).quota(await context())),
  );
  const set = command(
    quota,
    'set',
    'another quota for a running cluster: members are restarted, one at a time, the leader last',
  );
  set
    .argument('<size>', 'such as 4GiB, 512MiB or 4294967296', bytesOf)
    .option('-y, --yes', 'do not ask')
    .action((bytes: number, options: { yes?: boolean }) =>
      show(async () =>
        (await import('../commands/quota.js')).quotaSet(await context(), {
          bytes,
          yes: options.yes === true,
        }),
      ),
    );
}

function revision(text: string): string {
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new InvalidArgumentError('It is no revision.');
  return text;
}

const units: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function bytesOf(text: string): number {
  const [, number, unit = ''] = /^(\d{1,12})(KiB|MiB|GiB)?$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * units[unit]!;
  throw new InvalidArgumentError('It is no size.');
}
