/** What was done, by whom, and how it ended. */
import { command, context, duration, group, show, wholeNumber } from './program.js';

interface ListOptions {
  readonly action?: string;
  readonly node?: string;
  readonly since?: number;
  readonly limit?: number;
}

export function auditCommands(): void {
  const audit = group('audit', 'what was done with this state, by whom, and how it ended');
  command(audit, 'list', 'operations, the newest last; what was begun and not ended')
    .option('--action <words>', 'only these, such as restore or "member remove"')
    .option('--node <name>', 'only what was about this node')
    .option('--since <duration>', 'only of the last 30m, 24h, …', duration)
    .option('--limit <n>', 'at most so many (30 without --since)', wholeNumber)
    .action(({ action, node, since, limit }: ListOptions) =>
      show(async () =>
        (await import('../commands/audit.js')).auditList(await context(), {
          action,
          node,
          sinceMs: since,
          limit,
        }),
      ),
    );
  command(audit, 'show <id>', 'one operation: plan, steps, before and after').action((id: string) =>
    show(async () => (await import('../commands/audit.js')).auditShow(await context(), id)),
  );
}
