/** Members of the cluster. */
import { command, context, group, show } from './program.js';

export function memberCommands(): void {
  const member = group('member', 'members of the cluster');
  command(member, 'list', "etcd's member list").action(() =>
    show(async () => (await import('../commands/members.js')).memberList(await context())),
  );
}
